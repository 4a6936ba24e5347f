#!/bin/sh
# tests/objects_cli.sh SCRIPT PROGRAMS: the command line of the benchmark of objects, at the smallest scale. Prints TAP.
#
# Every row has figures, on each build and on CPython where that is there; a program that fails, or is not there, shows;
# bad input is refused with status 2. SCRIPT is script/objects, PROGRAMS the folder of tally-objects-gil and the others.
set -u
script=$(realpath "${1:?script/objects expected}") programs=$(realpath "${2:?the folder of the programs expected}")
. "$(dirname "$0")/cli.sh"

objects() { "$script" --programs "$programs" "$@" >"$out" 2>"$err"; }
objects_briefly() { objects --quick --rounds 1 --operations 1000 "$@"; }

refused() { refused_by objects "$@"; }

# figures SIDE: every row of the program, and every kind of object, has figures of this side in the JSON, all above 0.
figures()
{
	"$programs/tally-objects-$1" list | python3 -c '
import json, sys
side, path = sys.argv[1:]
found = json.load(open(path))
medians = {(one["row"], one["figure"]): one["median"] for one in found["figures"] if one["build"] == side}
kinds = {row for row, figure in medians if figure == "taken"}
wanted = [(row, "ns") for row in sys.stdin.read().split()] + [(kind, "taken") for kind in kinds]
missing = [what for what in wanted if not (medians.get(what) or 0) > 0]
print("without a figure:", missing, "kinds:", len(kinds))
sys.exit(bool(missing) or len(wanted) != len(medians) - len(kinds) or len(kinds) < 9)' "$1" "$json" >>"$err" 2>&1
}

echo 'TAP version 13'

objects_briefly --json "$json"
status=$?
[ $status = 0 ] && grep -q '^All is right' "$out" && ! grep -q failed "$out"
point 'at the smallest scale all is right, with status 0' $?
figures gil && figures biased
point 'every row has figures on both builds' $?

if [ -x "$programs/tally-objects-python" ]; then
	figures python && ! grep -q 'not there' "$out"
	point 'every row has figures of CPython' $?
	"$programs/tally-objects-gil" list >"$folder/one" && "$programs/tally-objects-python" list | cmp -s - "$folder/one"
	point 'both sides have the same rows' $?
else
	skip 'every row has figures of CPython' 'no python3-embed with a static library'
	skip 'both sides have the same rows' 'no python3-embed with a static library'
fi

objects_briefly --rows new --link shared --builds gil && grep -q 'shared libraries' "$out" && ! grep -q 'biased' "$out"
point 'one build can be measured, linked as a shared library' $?

mkdir "$folder/builds"
ln -s "$programs/tally-objects-gil" "$programs/tally-objects-biased" "$folder/builds"
objects_briefly --programs "$folder/builds" --rows list,bytes
status=$?
[ $status = 0 ] && grep -q 'CPython is not there' "$out" && grep -q '^  append.* not there ' "$out"
point 'without CPython its column says so' $?

printf '#!/bin/sh\nexit 1\n' >"$folder/broken" && chmod +x "$folder/broken"
ln -s "$folder/broken" "$folder/builds/tally-objects-python"
objects_briefly --programs "$folder/builds" --rows list
status=$?
[ $status = 0 ] && grep -q 'CPython is not there: .* does not run' "$out"
point 'a CPython that does not run is said not to be there' $?

rm "$folder/builds/tally-objects-gil"
ln -s "$folder/broken" "$folder/builds/tally-objects-gil"
objects_briefly --programs "$folder/builds" --rows list,bytes --json "$json"
status=$?
[ $status = 1 ] && grep -q '^Not all is right' "$out" && grep -q '^  append.* failed ' "$out" &&
	grep -q 'gil failed: dict' "$err" && grep -q 'null' "$json"
point 'a measurement that fails shows, with status 1' $?

# An old valgrind does not read the debug information of a new clang.
if valgrind --quiet --tool=none "$programs/tally-objects-gil" list >/dev/null 2>&1; then
	rows=$("$programs/tally-objects-gil" list | grep -c ^list-)
	objects_briefly --rows list --builds gil --no-python --instructions --json "$json" &&
		[ "$(grep -c '"figure": "instructions", "median": [1-9]' "$json")" = "$rows" ]
	point 'instructions are counted' $?
else
	skip 'instructions are counted' 'no valgrind here that runs the program'
fi
mkdir "$folder/tools"
ln -s "$(command -v env)" "$folder/tools"
ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$folder/tools/python3"
PATH=$folder/tools objects_briefly --rows list --builds gil --no-python --profile && grep -q 'there is no valgrind' "$out"
point 'without valgrind it says that instructions are not counted' $?

refused 'an unknown option' 'unrecognized arguments: --fast' --fast
refused 'an abbreviated option' 'unrecognized arguments: --qui' --qui
refused 'an unknown row' "'all' given, some of new, list, dict, attr, bytes expected" --rows new,all
refused 'an empty list of builds' "'' given, some of gil, biased expected" --builds ''
refused 'no round' "'0' given, a number from 1 to 999 expected" --rounds 0
refused 'a number that is none' "'2x' given, a number from 1 to 999 expected" --rounds 2x
refused 'a number that divides badly' "'1500' given, a multiple of 1,000 from 1,000" --operations 1500
refused 'an option without its value' 'argument --json: expected one argument' --json
refused 'a file that cannot be written' 'cannot be written' --json "$folder/nowhere/file"
refused 'a folder that is not there' 'there is no folder' --programs "$folder/nowhere"
refused 'a processor that is not there' 'argument --cpu: 4095 given, one of' --cpu 4095
objects --help && grep -q -- '--instructions' "$out" && [ ! -s "$err" ]
point '--help is on stdout, with status 0' $?

# The programs themselves.
"$programs/tally-objects-gil" new-list 1500 1 >"$out" 2>"$err"
[ $? = 2 ] && [ ! -s "$out" ] && grep -q "'1500' given, a multiple of 1000 expected" "$err"
point 'a program refuses what it cannot do' $?

echo "1..$points"
exit $failed
