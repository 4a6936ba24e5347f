#!/bin/sh
# tests/generations_cli.sh SCRIPT PROGRAMS: the command line of the benchmark of the collector's modes and pauses, at the smallest
# scale. Prints TAP.
#
# Every row has figures on both builds; pictures are drawn where there is a plotter; a program that fails shows; bad input is
# refused with status 2. SCRIPT is script/generations, PROGRAMS the folder of tally-generations-gil and the others.
set -u
script=$(realpath "${1:?script/generations expected}") programs=$(realpath "${2:?the folder of the programs expected}")
. "$(dirname "$0")/cli.sh"

generations() { "$script" --programs "$programs" "$@" >"$out" 2>"$err"; }

refused() { refused_by generations "$@"; }

# figures KIND ROWS FIGURE SIDE...: so many rows of that kind have this figure, on each side.
figures()
{
	python3 -c '
import json, sys
kind, rows, figure, path, *sides = sys.argv[1:]
entries = json.load(open(path))["figures"]
for side in sides:
    found = [one for one in entries if one["row"].split()[0] == kind and one["side"] == side and one["figure"] == figure
             and one["median"] is not None]
    print(kind, side, figure, len(found), "rows of", rows)
    if len(found) != int(rows):
        sys.exit(1)' "$1" "$2" "$3" "$json" "$4" $5 >>"$err" 2>&1
}

echo 'TAP version 13'

generations --quick --json "$json"
status=$?
[ $status = 0 ] && grep -q '^All is right' "$out" && ! grep -q failed "$out"
point 'at the smallest scale all is right, with status 0' $?
figures curve 18 speed gil biased && figures curve 18 share gil biased
point 'every point of the curves has a speed and a share of the time on both builds' $?
figures young 4 collections gil biased && grep -q '^  64 workers' "$out"
point 'young pauses are measured with 1, 2, 4 and 64 threads' $?
figures fair 6 least gil biased
point 'every row of fairness has the least progress' $?
figures help 2 full-helped biased ''
point 'full collections are measured with help where there is some' $?

generations --from "$json"
status=$?
cp "$out" "$folder/again"
[ $status = 0 ] && grep -q '10,000 old, generational' "$out" && grep -q '^All is right' "$out"
point 'the tables of an earlier run can be printed again' $?

if command -v gnuplot >/dev/null; then
	generations --from "$json" --plot "$folder/pictures"
	status=$?
	[ $status = 0 ] && [ "$(grep -l '</svg>' "$folder"/pictures/*.svg | wc -l)" = 3 ] &&
		grep -q 'biased, 4 workers' "$folder/pictures/generations-pauses.svg" &&
		grep -q 'running threads' "$folder/pictures/generations-young.svg"
	point 'the curves and the young pauses are drawn as SVG' $?
else
	skip 'the curves and the young pauses are drawn as SVG' 'no gnuplot'
fi

mkdir "$folder/tools"
for tool in env python3; do ln -s "$(command -v $tool)" "$folder/tools"; done
ln -sf "$(python3 -c 'import sys; print(sys.executable)')" "$folder/tools/python3"
PATH=$folder/tools generations --from "$json" --plot "$folder/none" && grep -q 'Nothing is drawn: there is no gnuplot' "$out" &&
	! ls "$folder/none" | grep -q svg
point 'without a plotter it says that nothing is drawn' $?

mkdir "$folder/builds"
printf '#!/bin/sh\nexit 1\n' >"$folder/builds/tally-generations-gil" && chmod +x "$folder/builds/tally-generations-gil"
ln -s "$programs/tally-generations-biased" "$folder/builds"
generations --quick --programs "$folder/builds" --parts young --json "$json"
status=$?
[ $status = 1 ] && grep -q '^Not all is right' "$out" && grep -q '^  64 workers  *failed' "$out" &&
	grep -q 'gil failed: young 100000 64' "$err" && grep -q 'null' "$json" && ! grep -q 'curve' "$json"
point 'a measurement that fails shows, with status 1; other parts are left out' $?
generations --from "$json"
[ $? = 1 ] && grep -q '^Not all is right' "$out"
point 'nor is all right when it is printed again' $?

echo '{"figures": 7}' >"$folder/other"
refused 'JSON of something else' 'is not what --json writes' --from "$folder/other"
refused 'an earlier run that is not there' 'there is no file' --from "$folder/nothing"
refused 'an unknown option' 'unrecognized arguments: --fast' --fast
refused 'an abbreviated option' 'unrecognized arguments: --qui' --qui
refused 'an unknown part' "'all' given, some of curves, young, fair, help expected" --parts curves,all
refused 'an unknown build' "'plain' given, some of gil, biased, atomic expected" --builds plain
refused 'no round' "'0' given, a number from 1 to 999 expected" --rounds 0
refused 'an option without its value' 'argument --plot: expected one argument' --plot
refused 'a folder that cannot be made' 'cannot be made' --plot "$json/pictures"
refused 'a file that cannot be written' 'cannot be written' --json "$folder/nowhere/file"
refused 'a folder that is not there' 'there is no folder' --programs "$folder/nowhere"
generations --help && grep -q -- '--plot' "$out" && [ ! -s "$err" ]
point '--help is on stdout, with status 0' $?

# The programs themselves. program_refused NAME MESSAGE ARGUMENT...
program_refused()
{
	name=$1 message=$2
	shift 2
	"$programs/tally-generations-gil" "$@" >"$out" 2>"$err"
	[ $? = 2 ] && [ ! -s "$out" ] && grep -qF -e "$message" "$err"
	point "a program refuses $name" $?
}
program_refused 'an unknown row' "'no-row' given, curve, young, fair or check expected" no-row 1 1 1
program_refused 'an unknown mode' "'half' given, generational full expected" curve half 1000 1 10
program_refused 'too many workers' "'257' given, a number from 1 to 256 expected" young 1000 257 10
program_refused 'a row without its numbers' 'three numbers after it' young 1000

echo "1..$points"
exit $failed
