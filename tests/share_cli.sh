#!/bin/sh
# tests/share_cli.sh SCRIPT PROGRAMS: the command line of the benchmark of sharing, at the smallest scale. Prints TAP.
#
# Every row has figures, on each side that has it; a program that fails, or is not there, shows; bad input is refused with
# status 2. SCRIPT is script/share, PROGRAMS the folder of tally-share-gil and the others.
set -u
script=$(realpath "${1:?script/share expected}") programs=$(realpath "${2:?the folder of the programs expected}")
. "$(dirname "$0")/cli.sh"

share() { "$script" --programs "$programs" "$@" >"$out" 2>"$err"; }
share_briefly() { share --quick --rounds 1 "$@"; }

refused() { refused_by share "$@"; }

# figures SIDE THREADS KIND FIGURE: every row of that kind in the program has this figure in the JSON, above 0.
figures()
{
	"$programs/tally-share-$1" list | python3 -c '
import json, sys
side, kind, figure, path = sys.argv[1:]
found = {(one["row"], one["side"], one["figure"]): one["median"] for one in json.load(open(path))["figures"]}
wanted = [line.split()[1] for line in sys.stdin if line.split()[0] == kind]
missing = [row for row in wanted if not (found.get((row, side, figure)) or 0) > 0]
print("without a figure:", missing, "of", len(wanted))
sys.exit(bool(missing) or not wanted)' "$1 at $2" "$3" "$4" "$json" >>"$err" 2>&1
}

echo 'TAP version 13'

share_briefly --json "$json"
status=$?
[ $status = 0 ] && grep -q '^All is right' "$out" && ! grep -q failed "$out"
point 'at the smallest scale all is right, with status 0' $?
figures gil 1 private fastest && figures biased 1 private fastest
point 'every private row has figures on both builds' $?
figures gil 2 shared all && figures biased 2 shared all && figures atomic 2 shared all && figures floor 2 shared all
point 'every shared row has figures on all builds, and the counting alone' $?
figures biased 2 shared scale
point 'every shared row is compared with one thread' $?

if [ -x "$programs/tally-share-python" ]; then
	figures python 2 shared all && grep -q 'CPython 3' "$out"
	point 'every row that CPython has has figures of it' $?
else
	skip 'every row that CPython has has figures of it' 'no python3-embed with a static library'
fi

mkdir "$folder/builds"
for side in gil biased atomic floor; do ln -s "$programs/tally-share-$side" "$folder/builds"; done
share_briefly --programs "$folder/builds" --match list-get
status=$?
[ $status = 0 ] && grep -q 'CPython is not there' "$out" && grep -q '^  list-get ' "$out" && ! grep -q 'dict' "$out"
point 'without CPython the first line says so, and only rows that match are measured' $?

share_briefly --parts scale --threads 3 --match new-float --no-python && grep -q '3 threads' "$out" && ! grep -q 'one thread' "$out"
point 'one part can be measured, with more threads' $?

printf '#!/bin/sh\nexit 1\n' >"$folder/broken" && chmod +x "$folder/broken"
ln -s "$folder/broken" "$folder/builds/tally-share-python"
share_briefly --programs "$folder/builds" --parts private --match new-float
status=$?
[ $status = 0 ] && grep -q 'CPython is not there: .* does not run' "$out"
point 'a CPython that does not run is said not to be there' $?

rm "$folder/builds/tally-share-gil"
ln -s "$folder/broken" "$folder/builds/tally-share-gil"
share_briefly --programs "$folder/builds" --parts private --match new-float --json "$json"
status=$?
[ $status = 1 ] && grep -q '^Not all is right' "$out" && grep -q '^  new-float.* failed ' "$out" &&
	grep -q 'gil at 1 failed: new-float' "$err" && grep -q 'null' "$json"
point 'a measurement that fails shows, with status 1' $?

share_briefly --match no-such-row
[ $? = 1 ] && grep -q '^Not all is right' "$out"
point 'where no row matches, nothing is right' $?

mkdir "$folder/tools"
ln -s "$(command -v env)" "$folder/tools"
ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$folder/tools/python3"
PATH=$folder/tools share_briefly --parts private --match new-float --no-python --profile && grep -q 'there is no valgrind' "$out"
point 'without valgrind it says that instructions are not counted' $?

refused 'an unknown option' 'unrecognized arguments: --fast' --fast
refused 'an abbreviated option' 'unrecognized arguments: --qui' --qui
refused 'an unknown part' "'all' given, some of private, scale, shared expected" --parts private,all
refused 'no round' "'0' given, a number from 1 to 999 expected" --rounds 0
refused 'one thread' "'1' given, a number from 2 to 8 expected" --threads 1
refused 'an option without its value' 'argument --json: expected one argument' --json
refused 'a file that cannot be written' 'cannot be written' --json "$folder/nowhere/file"
refused 'a folder that is not there' 'there is no folder' --programs "$folder/nowhere"
share --help && grep -q -- '--profile' "$out" && [ ! -s "$err" ]
point '--help is on stdout, with status 0' $?

# The programs themselves.
"$programs/tally-share-gil" no-row 2 1 1000 >"$out" 2>"$err"
[ $? = 2 ] && [ ! -s "$out" ] && grep -q "'no-row' given, a row expected" "$err"
point 'a program refuses what it cannot do' $?

echo "1..$points"
exit $failed
