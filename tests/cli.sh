# tests/cli.sh: what the tests of command lines have in common. To be sourced by a *_cli.sh, which prints TAP.
#
# Gives a folder, $folder, that goes with the test; $out, $err and $json in it; and the points, counted in $points and $failed.
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
out=$folder/out err=$folder/err json=$folder/json

points=0
failed=0

# point NAME STATUS: one line of TAP; status 0: it holds. What the last command said explains a failure.
point()
{
	points=$((points + 1))
	if [ "$2" = 0 ]; then
		echo "ok $points - $1"
		return
	fi
	cut -c 1-2000 "$out" "$err" | sed 's/^/# /'
	echo "not ok $points - $1"
	failed=1
}

skip()
{
	points=$((points + 1))
	echo "ok $points - $1 # SKIP $2"
}

# refused_by COMMAND NAME MESSAGE ARGUMENT...: the command leaves status 2, the message in $err, nothing in $out. $error_lines, if
# set: it has so many lines.
refused_by()
{
	command=$1 name=$2 message=$3
	shift 3
	"$command" "$@"
	status=$?
	[ $status = 2 ] && [ ! -s "$out" ] && [ "$(wc -l <"$err")" = "${error_lines:-$(wc -l <"$err")}" ] && grep -qF -e "$message" "$err"
	point "$name is refused with status 2" $?
}
