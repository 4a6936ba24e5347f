#!/bin/sh
# tests/histories_cli.sh PROGRAMS SECONDS: recorded histories, and whether what is wrong is found. Prints TAP.
#
# PROGRAMS is the folder of tally-histories-gil, -biased and -atomic. In SECONDS each what their threads see can be explained, and
# each call that is not atomic is found; histories are judged rightly; bad options are refused with one message and status 2.
set -u
programs=$(realpath "${1:?the folder of the programs expected}") seconds=${2:?a number of seconds expected}
script=$(dirname "$0")/../script/histories
seed=${TALLY_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
. "$(dirname "$0")/cli.sh"
error_lines=1

catch() { "$@" >"$out" 2>"$err"; }

refused() { refused_by catch "$@"; }

echo 'TAP version 13'
echo "# seed $seed, $seconds s; TALLY_SEED=$seed repeats the programs"

"$programs/tally-histories-gil" --judge --seed "$seed" >"$out" 2>"$err"
point 'histories are judged rightly' $?

"$script" --programs "$programs" --seed "$seed" --seconds "$seconds" >"$out" 2>"$err" &&
	[ "$(grep -c '^[a-z]*: [0-9]* rounds, [1-9][0-9]* calls, [1-9][0-9]* of them overlapped' "$out")" = 3 ]
point 'what threads see can be explained in every build' $?

for name in gil biased atomic; do
	"$programs/tally-histories-$name" --plants --seed "$seed" --seconds $((4 * seconds)) >>"$folder/plants" 2>"$err" || : >"$folder/missed"
done
cp "$folder/plants" "$out"
[ ! -e "$folder/missed" ] && [ "$(grep -c 'in several steps: found after' "$out")" = 15 ]
point 'each call that is not atomic is found' $?

"$programs/tally-histories-biased" --plant append --seed "$seed" --seconds $((4 * seconds)) >"$out" 2>"$err"
[ $? = 1 ] && grep -q '^  a list, at first \[' "$out" && grep -q '^  thread .* append(' "$out"
point 'its history is printed' $?

repeat=$(sed -n 's/^  \(tally-histories-biased --seed .*\)/\1/p' "$out")
[ -n "$repeat" ] && "$programs"/$repeat --plant append --seconds $((4 * seconds)) >"$out" 2>"$err"
[ $? = 1 ]
point 'the command that is printed repeats its program' $?

biased=$programs/tally-histories-biased
refused 'a seed that is no number' "--seed: 'x' given" "$script" --programs "$programs" --seed x
refused 'a time that is none' "--seconds: '0' given" "$script" --programs "$programs" --seconds 0
refused 'a build that does not exist' "--build: 'lua' given" "$script" --programs "$programs" --build lua
refused 'an unknown argument' 'unknown argument --what' "$script" --programs "$programs" --what
refused 'a value left out' '--seed: nothing given' "$script" --programs "$programs" --seed
refused 'a seed that is no number, by the program,' "--seed: '-1' given" "$biased" --seed -1
refused 'a call that does not exist' "--plant: 'fly' given" "$biased" --plant fly
refused 'an unknown option' "unrecognized option '--what'" "$biased" --what
refused 'an argument that is no option' "argument: 'list' given" "$biased" list

echo "1..$points"
exit $failed
