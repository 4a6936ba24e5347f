#!/bin/sh
# tests/differential_cli.sh PROGRAMS OPERATIONS: the differential test, short, and whether it can fail. Prints TAP.
#
# PROGRAMS is the folder of tally-differential-gil, -biased, -atomic and, perhaps, -python. All see the same in so many
# OPERATIONS from a random seed; a fault planted into one build is found, named and repeated by the command that is
# printed; bad options are refused with one message and status 2.
set -u
programs=$(realpath "${1:?the folder of the programs expected}") operations=${2:?a number of operations expected}
script=$(dirname "$0")/../script/differential
seed=${TALLY_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
. "$(dirname "$0")/cli.sh"
error_lines=1

differential() { "$script" --programs "$programs" "$@" >"$out" 2>"$err"; }

catch() { "$@" >"$out" 2>"$err"; }

refused() { refused_by catch "$@"; }

echo 'TAP version 13'
echo "# seed $seed, $operations operations; TALLY_SEED=$seed repeats them"

# ---- the same in all ----

differential --seed "$seed" --operations "$operations" --engines gil,biased,atomic
point 'gil, biased and atomic see the same' $?

if [ -x "$programs/tally-differential-python" ]; then
	differential --seed "$seed" --operations "$operations" --engines python,gil
	point 'gil and CPython see the same' $?
else
	skip 'gil and CPython see the same' 'no python3-embed (libpython3-dev)'
fi

# ---- it can fail ----

differential --seed 3 --operations 20000 --engines gil,biased --plant biased
[ $? = 1 ] && grep -q '^biased differs from gil' "$out"
point 'a planted difference is found' $?

grep -q '^    gil  *[0-9]* list_reverse(' "$out" && grep -q '^    biased  *[0-9]* list_reverse(' "$out"
point 'it is explained by the operation that was planted' $?

grep -- '--trace' "$out" >"$folder/commands"
sh "$folder/commands" >"$folder/repeated" 2>"$err"
sed -n 's/^    [a-z]*  *\([0-9][0-9]* .*\)/\1/p' "$out" >"$folder/printed"
cmp -s "$folder/printed" "$folder/repeated" && [ "$(wc -l <"$folder/repeated")" = 2 ]
point 'the commands that are printed repeat it' $?

# ---- what is refused ----

gil=$programs/tally-differential-gil
refused 'a seed that is no number' "--seed: 'x' given" "$script" --programs "$programs" --seed x
refused 'a number of operations that is none' "--operations: '0' given" "$script" --programs "$programs" --operations 0
refused 'an engine that does not exist' "--engines: 'lua' given" "$script" --programs "$programs" --engines gil,lua
refused 'a build to plant that does not exist' "--plant: 'python' given" "$script" --programs "$programs" --plant python
refused 'an unknown argument' 'unknown argument --what' "$script" --programs "$programs" --what
refused 'a value left out' '--seed: nothing given' "$script" --programs "$programs" --seed
refused 'a folder without programs' 'there is no program' "$script" --programs "$folder"
refused 'an operation that does not exist' "there is no operation 'list_fly'" \
	"$script" --programs "$programs" --engines gil --without list_get,list_fly
refused 'a seed that is no number, by the program,' "--seed: '-1' given" "$gil" --seed -1
refused 'a trace that is no range' "--trace: '7' given" "$gil" --trace 7
refused 'a trace that ends before it begins' "--trace: '7:6' given" "$gil" --trace 7:6
refused 'an unknown option' "unknown option '--what'" "$gil" --what
refused 'an argument that is no option' "unexpected argument 'list'" "$gil" list

echo "1..$points"
exit $failed
