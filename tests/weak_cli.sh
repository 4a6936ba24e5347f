#!/bin/sh
# tests/weak_cli.sh SCRIPT PROGRAMS: the command line of the benchmark of weak references, at the smallest scale. Prints TAP.
#
# Every row has figures, on each side that has it; a side that is not there is named, and one that fails shows; bad input is refused
# with status 2. SCRIPT is script/weak, PROGRAMS the folder of tally-weak-gil and the others.
set -u
script=$(realpath "${1:?script/weak expected}") programs=$(realpath "${2:?the folder of the programs expected}")
. "$(dirname "$0")/cli.sh"

weak() { "$script" --programs "$programs" "$@" >"$out" 2>"$err"; }
weak_briefly() { weak --quick --rounds 1 --parts private,scale,shared "$@"; }

refused() { refused_by weak "$@"; }

# figures SIDE KIND SUFFIX FIGURE: in the JSON every row of that kind of Tally's has this figure, above 0. Those that only Tally and
# CPython have, with callbacks, are left out of the others'.
figures()
{
	"$programs/tally-weak-gil" list | python3 -c '
import json, sys
side, kind, suffix, figure, path = sys.argv[1:]
found = {(one["row"], one["side"], one["figure"]): one["median"] for one in json.load(open(path))["figures"]}
rows = [line.split()[1] for line in sys.stdin if line.split()[0] == kind]
wanted = [row for row in rows if side in ("gil", "biased", "atomic", "python") or "callback" not in row]
missing = [row for row in wanted if not (found.get((row, side + suffix, figure)) or 0) > 0]
print("without a figure on", side + suffix + ":", missing, "of", len(wanted))
sys.exit(bool(missing) or not wanted)' "$1" "$2" "$3" "$4" "$json" >>"$err" 2>&1
}

# everywhere SIDE: both kinds, alone and by two threads.
everywhere() { figures "$1" private ' at 1' fastest && figures "$1" shared ' at 2' all && figures "$1" shared ' at 2' scale; }

# there_or_named SIDE NAME: the side has figures, or the first line says that it is not there.
there_or_named()
{
	grep -q "$2 is not there: " "$out" || everywhere "$1"
	point "$2 has figures, or is said not to be there" $?
}

echo 'TAP version 13'

weak_briefly --json "$json"
status=$?
[ $status = 0 ] && grep -q '^All is right' "$out" && ! grep -q 'failed' "$out"
point 'at the smallest scale all is right, with status 0' $?
everywhere gil && everywhere biased && everywhere atomic
point 'every row has figures on all builds' $?
there_or_named python CPython
there_or_named c++ 'C++'
there_or_named rust Rust
grep -q '^  the first reference alone' "$out"
point 'what a first reference adds is told apart' $?

weak_briefly --match get-dead --without atomic,python,c++,rust,rust-rc
status=$?
[ $status = 0 ] && grep -q 'not compared with CPython' "$out" && ! grep -q 'atomic\|g++\|rustc' "$out"
point 'sides can be left out' $?

# An old valgrind does not read the debug information of a new clang.
if valgrind --quiet --tool=none "$programs/tally-weak-gil" list >/dev/null 2>&1; then
	weak --quick --rounds 1 --parts instructions --match get-dead --without atomic,python,c++,rust,rust-rc &&
		grep -q '^  upgrade, dead  *[0-9]' "$out"
	point 'instructions are counted alone' $?
else
	skip 'instructions are counted alone' 'no valgrind here that runs the program'
fi

mkdir "$folder/tools" "$folder/builds"
ln -s "$(command -v env)" "$folder/tools"
ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$folder/tools/python3"
for side in gil biased atomic; do ln -s "$programs/tally-weak-$side" "$folder/builds"; done
PATH=$folder/tools weak --programs "$folder/builds" --quick --rounds 1 --match get-dead --profile
status=$?
[ $status = 0 ] && grep -q 'CPython is not there: .*C++ is not there: no g++ on the PATH; Rust is not there: no rustc' "$out" &&
	grep -q 'there is no valgrind' "$out"
point 'without compilers, valgrind and CPython it says so, and measures the builds' $?

printf '#!/bin/sh\nexit 1\n' >"$folder/broken" && chmod +x "$folder/broken"
rm "$folder/builds/tally-weak-atomic"
ln -s "$folder/broken" "$folder/builds/tally-weak-atomic"
weak --programs "$folder/builds" --quick --rounds 1 --parts private --match get-dead --without c++,rust,rust-rc
[ $? = 0 ] && grep -q '^All is right' "$out"
point 'a side without rows does no harm' $?
printf '#!/bin/sh\n[ "$1" = list ] && echo private get-dead\n[ "$1" = list ]\n' >"$folder/broken"
weak --programs "$folder/builds" --quick --rounds 1 --parts private --match get-dead --without c++,rust,rust-rc --json "$json"
[ $? = 1 ] && grep -q '^Not all is right' "$out" && grep -q '^  upgrade, dead.* failed' "$out" &&
	grep -q 'atomic at 1 failed: get-dead' "$err" && grep -q 'null' "$json"
point 'a measurement that fails shows, with status 1' $?

weak --match no-such-row --without c++,rust,rust-rc
[ $? = 1 ] && grep -q '^Not all is right' "$out"
point 'where no row matches, nothing is right' $?

refused 'an unknown option' 'unrecognized arguments: --fast' --fast
refused 'an abbreviated option' 'unrecognized arguments: --qui' --qui
refused 'an unknown part' "'all' given, some of private, scale, shared, instructions expected" --parts private,all
refused 'a side that is judged' "'gil' given, some of atomic, python, c++, rust, rust-rc expected" --without gil
refused 'no round' "'0' given, a number from 1 to 999 expected" --rounds 0
refused 'one thread' "'1' given, a number from 2 to 8 expected" --threads 1
refused 'an option without its value' 'argument --json: expected one argument' --json
refused 'a file that cannot be written' 'cannot be written' --json "$folder/nowhere/file"
refused 'a folder that is not there' 'there is no folder' --programs "$folder/nowhere"
weak --help && grep -q -- '--without' "$out" && [ ! -s "$err" ]
point '--help is on stdout, with status 0' $?

# The programs of the race.
"$programs/tally-weak-race-gil" -n 0 >"$out" 2>"$err"
[ $? = 2 ] && [ ! -s "$out" ] && grep -q '^usage: ' "$err"
point 'the race refuses what it cannot do' $?

echo "1..$points"
exit $failed
