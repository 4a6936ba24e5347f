#!/bin/sh
# tests/compare_cli.sh DRIVER WORKERS: the command line of the compare command. Prints TAP.
#
# Bad input is refused with one message and status 2; a small text whose words can be counted by hand gives the counts
# and the digest expected, and so do small graphs; the files of results can be read and have the fields that docs/compare.md names; and a
# fault planted in one worker of many is noticed, with status 1. DRIVER is the program tally-compare, WORKERS the
# folder of the programs tally-worker-gil, tally-worker-biased and tally-worker-atomic.
set -u
driver=$(realpath "${1:?the driver expected}") workers=$(realpath "${2:?the folder of the workers expected}")
page=$(dirname "$0")/../docs/compare.md
. "$(dirname "$0")/cli.sh"
trap 'chmod -R u+rwx "$folder" 2>/dev/null; rm -rf "$folder"' EXIT
chmod 755 "$folder"
error_lines=1

compare() { "$driver" --workers "$workers" "$@" >"$out" 2>"$err"; }

# program N: the N-th of those in docs/compare.md.
program() { awk -v wanted="$1" '/^```$/ { on = 0 } on { print } /^```python$/ { on = ++seen == wanted }' "$page"; }

# One round with one thread, as short as it gets.
compare_briefly() { compare --quick --rounds 1 --threads 1 --duration-ms 2 "$@"; }

refused() { refused_by compare "$@"; }

# wrong NAME MESSAGE ARGUMENT...: status 1, the message on stdout.
wrong()
{
	name=$1 message=$2
	shift 2
	compare_briefly "$@"
	status=$?
	[ $status = 1 ] && grep -q -e "WRONG: .*$message" "$out" && grep -q '^Something is wrong' "$out"
	point "$name ends with status 1" $?
}

echo 'TAP version 13'

# ---- what is refused ----

mkdir "$folder/empty" "$folder/text"
: >"$folder/nothing"
echo '... -- !' >"$folder/no_words"
mkfifo "$folder/pipe"

refused 'a path that does not exist' "cannot read '$folder/absent': No such file or directory; a readable" "$folder/absent"
refused 'a path that is neither file nor folder' "cannot read '$folder/pipe': neither a file nor a folder" "$folder/pipe"
refused 'an empty file' 'no words in the text (files read: 1,' "$folder/nothing"
refused 'an empty folder' 'no words in the text (files read: 0,' "$folder/empty"
refused 'a text without words' 'at least one word expected' "$folder/no_words"
refused 'zero threads' "--threads: '0' in '1,0' given, numbers from 1 to 256" --threads 1,0
refused 'no number of threads' "--threads: 'x' in 'x' given" --threads x
refused 'an empty place in a list' "--threads: '' in '1,,2' given" --threads 1,,2
refused 'a negative number of threads' "--threads: '-1' in '-1' given" --threads=-1
refused 'too many threads' "--threads: '257' in '257' given" --threads 257
refused 'a thread count given twice' "--threads: '2' twice in '2,2' given" --threads 2,2
refused 'zero rounds' "--rounds: '0' given, a number from 1 to 1000 expected" --rounds 0
refused 'rounds that are no number' "--rounds: '3x' given" --rounds 3x
refused 'an unknown workload' "--workloads: 'sorting' in 'handoff,sorting' given" --workloads handoff,sorting
refused 'an unknown build' "--builds: 'gill' in 'gill' given, some of gil, biased, atomic" --builds gill
refused 'an unknown long option' "unknown option '--fast' given" --fast
refused 'an unknown short option' "unknown option '-Z' given" -qZ
refused 'an option without its argument' "option '--json' given without its argument" --json
refused 'an argument that an option does not take' "unknown option '--quick=1' given" --quick=1
refused 'a JSON file that cannot be written' "--json: cannot write '$folder/absent/x': No such file" \
	--workloads handoff --json "$folder/absent/x"
refused 'a CSV file that is a folder' "--csv: cannot write '$folder/empty': Is a directory" \
	--workloads handoff --csv "$folder/empty"
refused 'standard output for two files' '--json - and --csv - given' --json - --csv -
refused 'a folder without workers' 'the worker program of the gil build expected' --workers "$folder/empty"

compare --json "$folder/early" "$folder/nothing"
[ $? = 2 ] && [ ! -e "$folder/early" ]
point 'a refused command makes no file' $?

compare --help
[ $? = 0 ] && grep -q 'wordcount-shared' "$out" && grep -q ' cycles ' "$out" && [ ! -s "$err" ]
point 'help lists the workloads' $?
compare --version
[ $? = 0 ] && grep -q '^compare (Tally) [0-9]' "$out"
point 'the version is printed' $?

# ---- a text counted by hand: 11 words, 8 of them distinct, 3 parts that are not UTF-8 ----
# one 1, two 2, three 3; naïve 1, two ill-formed bytes as a word 1, x and one of them 1, _id 1, 42 1. The digest is that
# of docs/compare.md, computed with another program.
words=11 distinct=8 replaced=3 digest=9c61c6a18730d06b

mkdir "$folder/text/sub"
printf 'One two two\nthree THREE tHree\n' >"$folder/text/a"
printf 'na\303\257ve \377\376 x\303 _id 42\n' >"$folder/text/sub/b"
ln -s ../a "$folder/text/sub/link"
ln -s absent "$folder/text/dangling"
ln -s .. "$folder/text/sub/cycle"
mkfifo "$folder/text/pipe"

compare --quick --rounds 2 --threads 1,2,3 --workloads wordcount --csv "$folder/csv" --json "$folder/json" "$folder/text"
status=$?
[ $status = 0 ]
point 'a small folder is counted' $?
grep -q "^Text: $words words in .* bytes, 2 files; 0 unreadable skipped, 4 links and special files ignored" "$out"
point 'links and pipes in a folder are ignored and counted' $?
grep -q "^wordcount-shared *right: digest $digest in all 18 runs, 0 objects left alive; $words words, $distinct distinct, $replaced U+FFFD" "$out" &&
	grep -q "^wordcount-private *right: digest $digest in all 18 runs" "$out"
point 'every build, thread count and round gives the digest known beforehand' $?
awk -F, -v words=$words -v distinct=$distinct -v replaced=$replaced -v digest=$digest '
	NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
	$at["digest"] != digest || $at["words"] != words || $at["distinct"] != distinct || $at["replaced"] != replaced ||
		$at["live_objects"] != 0 || $at["leaked"] != 0 || $at["ops"] != words || NF != 26 { bad++ }
	END { exit bad > 0 || NR != 37 }' "$folder/csv"
point 'the CSV has a line for each run, with these numbers' $?
[ "$(wc -l <"$err")" = 2 ]
point 'without a terminal progress is a line a workload' $?

fields=$(head -n 1 "$folder/csv" | tr ',' ' ')
missing=$(for field in $fields; do grep -qF "\`$field\`" "$page" || echo "$field"; done)
echo "not in docs/compare.md: $missing" >"$out"
[ -n "$fields" ] && [ -z "$missing" ]
point 'docs/compare.md names every column of the CSV' $?

if ! command -v python3 >/dev/null; then
	skip 'the JSON has the documented fields' 'no python3'
else
	python3 - "$folder/json" "$page" $words $distinct $replaced $digest >"$out" 2>"$err" <<'END'
import json, sys
path, page, words, distinct, replaced, digest = sys.argv[1:]
result, text = json.load(open(path)), open(page).read()
def names(value):
    if isinstance(value, dict):
        return set(value) | {name for part in value.values() for name in names(part)}
    return {name for part in value for name in names(part)} if isinstance(value, list) else set()
missing = sorted(name for name in names(result) if "`%s`" % name not in text)
assert not missing, "not in docs/compare.md: %s" % missing
assert result["right"] is True and len(result["rows"]) == 18 and len(result["checks"]) == 2
assert result["text"]["words"] == int(words) and result["text"]["ignored"] == 4 and result["text"]["files"] == 2
for row in result["rows"]:
    assert row["ops_per_second"] > 0 and row["ratio_to_gil"] > 0 and row["scaling"] > 0, row
    for run in row["runs"]:
        assert run["digest"] == digest and run["live_objects"] == run["leaked"] == 0, run
        assert [run["words"], run["distinct"], run["replaced"]] == [int(words), int(distinct), int(replaced)], run
END
	point 'the JSON has the documented fields' $?
fi
if ! command -v python3 >/dev/null; then
	skip 'the program in docs/compare.md computes the digest' 'no python3'
else
	program 1 >"$folder/digest.py"
	python3 "$folder/digest.py" "$folder/text/a" "$folder/text/sub/b" >"$out" 2>"$err"
	[ "$(cat "$out")" = $digest ]
	point 'the program in docs/compare.md computes the digest' $?
fi

compare_briefly --workloads wordcount-shared --json - "$folder/text"
[ $? = 0 ] && [ "$(head -c 1 "$out")" = '{' ] && grep -q '^wordcount-shared' "$err"
point 'with JSON on standard output the table goes to the other one' $?

# 9 MB of a word of four letters and a space: 8 MiB hold 1677721 of them and three letters of another.
yes 'four four four four' | head -c 9000000 >"$folder/much"
compare_briefly --builds gil --workloads wordcount-shared "$folder/much" "$folder/text/a"
[ $? = 0 ] && grep -q '^Text: 1677721 words in 8388605 bytes, .*; the first of 9000032 bytes found' "$out"
point 'too much text is cut between words, and the output says so' $?

# ---- graphs of four edges and of eight, by hand ----
# 1 -> 2 twice, 2 -> 3, 3 -> 1. The digest is that of docs/compare.md.
edges_digest=5533e7664398988f

printf '# from to weight\n1 2\n2\t3 0.5 1e9\n\n  %% no edge\n3 1\r\n1 2' >"$folder/edges"
compare --quick --rounds 2 --threads 1,2,3 --duration-ms 2 --workloads graph --csv "$folder/csv" --json "$folder/json" \
	"$folder/edges"
[ $? = 0 ] && grep -q '^Graph: 3 nodes, 4 edges, of 0 files with includes and 1 edge lists\.$' "$out" &&
	grep -q "^graph *right: digest $edges_digest in all 18 runs, 0 objects left alive; 3 nodes, 4 edges" "$out"
point 'an edge list gives the graph known beforehand on every build, thread count and round' $?
grep -q '^Pauses, in us' "$out" && [ "$(grep -c '^graph  *[123]  [gba]' "$out")" = 9 ]
point 'a second table shows the pauses of each build and thread count' $?
awk -F, -v digest=$edges_digest '
	NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
	$at["digest"] != digest || $at["nodes"] != 3 || $at["edges"] != 4 || $at["pauses"] < 1 || $at["ops"] % 3 != 0 ||
		$at["pause_p50_ns"] < 1 || $at["pause_p50_ns"] > $at["pause_p99_ns"] ||
		$at["pause_total_ns"] < $at["pause_max_ns"] || $at["pause_max_ns"] < 1 ||
		$at["safepoint_p99_ns"] == "" || $at["safepoint_max_ns"] == "" { print; bad++ }
	END { exit bad > 0 || NR != 19 }' "$folder/csv" >"$out"
point 'the CSV has nodes, edges and pauses for each run' $?
if ! command -v python3 >/dev/null; then
	skip 'the JSON has the pauses and the graph, as documented' 'no python3'
	skip 'the second program in docs/compare.md computes the digest of an edge list' 'no python3'
else
	python3 - "$folder/json" "$page" $edges_digest >"$out" 2>"$err" <<'END'
import json, sys
path, page, digest = sys.argv[1:]
result, text = json.load(open(path)), open(page).read()
graph = {"nodes": 3, "edges": 4, "found_edges": 4, "generated": False, "files_with_includes": 0, "edge_lists": 1}
assert result["right"] is True and result["graph"] == graph, result["graph"]
pauses = ["pauses", "pause_p50_ns", "pause_p99_ns", "pause_max_ns", "pause_total_ns"]
safepoint = ["safepoint_p99_ns", "safepoint_max_ns"]
missing = sorted(name for name in [*graph, *pauses, *safepoint] if "`%s`" % name not in text)
assert not missing, "not in docs/compare.md: %s" % missing
for row in result["rows"]:
    for run in row["runs"]:
        assert run["digest"] == digest and run["nodes"] == 3 and run["edges"] == 4, run
        assert all(run[name] > 0 for name in pauses), run
        assert row["build"] != "gil" or all(run[name] == 0 for name in safepoint), run
END
	point 'the JSON has the pauses and the graph, as documented' $?
	program 2 >"$folder/digest.py"
	python3 "$folder/digest.py" "$folder/edges" >"$out" 2>"$err"
	[ "$(cat "$out")" = $edges_digest ]
	point 'the second program in docs/compare.md computes the digest of an edge list' $?
fi

# What includes what: beside it, by the end of its path, the shortest of two, with ../, not read, itself.
mkdir -p "$folder/tree/src/sub" "$folder/tree/src/deep/er"
printf '#include "b.h"\n#include <stdio.h>\nint x;\n\t# include <sub/c.h>\n' >"$folder/tree/src/a.c"
printf '#include "c.h"\n#include <b.h>' >"$folder/tree/src/b.h"
printf '#include "../b.h"\n#include "c.h"\n#include <other.h\n' >"$folder/tree/src/sub/c.h"
printf '#include "../../b.h"\n' >"$folder/tree/src/deep/er/b.h"
printf '%s\n' 'src/a.c src/b.h' 'src/a.c stdio.h' 'src/a.c src/sub/c.h' 'src/b.h src/sub/c.h' 'src/b.h src/b.h' \
	'src/sub/c.h src/b.h' 'src/sub/c.h src/sub/c.h' 'src/deep/er/b.h src/b.h' >"$folder/tree/expected"
digest_of()
{
	(cd "$folder/tree" && "$driver" --workers "$workers" --quick --rounds 1 --threads 1,2 --duration-ms 2 \
		--workloads graph "$@") >"$out" 2>"$err" && sed -n 's/^graph *right: digest \([0-9a-f]*\) .*/\1/p' "$out"
}
expected=$(digest_of expected)
[ -n "$expected" ] && [ "$(digest_of src/)" = "$expected" ] &&
	grep -q '^Graph: 5 nodes, 8 edges, of 4 files with includes and 0 edge lists\.$' "$out"
point 'the include lines of a folder give the graph expected' $?
generated=$(digest_of --seed 7) && grep -q '^Graph: 4000 nodes, [0-9]* edges, generated\.$' "$out" &&
	[ "$(digest_of --seed 7)" = "$generated" ] && other=$(digest_of --seed 8) && [ "$other" != "$generated" ]
point 'without arguments a graph is generated that depends on the seed' $?
printf 'a b\nb c\nalone\n' >"$folder/tree/spoiled"
[ "$(digest_of --seed 7 spoiled)" = "$generated" ] &&
	grep -qF 'generated: no includes and no edge list in what was named (spoiled:3: two names and then only' "$out"
point 'a line that is no edge spoils an edge list, and the output says where' $?
printf 'a b c\n' >"$folder/tree/words"
: >"$folder/tree/nothing"
digest_of expected words nothing spoiled >"$folder/digest"
grep -q '^Graph: 8 nodes, 8 edges, of 0 files with includes and 1 edge lists\.$' "$out"
point 'what has no edge is a node of its own' $?
awk 'BEGIN { for (i = 0; i < 100500; i++) print i % 1000, i % 777 }' >"$folder/tree/many"
digest_of many >"$folder/digest"
grep -q '^Graph: 1000 nodes, 100000 edges, of .*; the first of 100500 edges found\.$' "$out"
point 'too many edges are cut, and the output says so' $?

# ---- what cannot be read ----

cp -r "$folder/text/sub/b" "$folder/text/closed"
mkdir "$folder/text/locked"
chmod 000 "$folder/text/closed" "$folder/text/locked"
unprivileged=
if [ "$(id -u)" = 0 ]; then
	unprivileged='setpriv --reuid=65534 --regid=65534 --clear-groups'
fi
if ! $unprivileged "$driver" --workers "$workers" --version >"$out" 2>"$err"; then
	skip 'an unreadable file or folder inside a folder is skipped and counted' 'no other user can run the driver'
	skip 'an unreadable file that was named is refused with status 2' 'no other user can run the driver'
else
	$unprivileged "$driver" --workers "$workers" --quick --rounds 1 --threads 1 --workloads wordcount-shared \
		"$folder/text" >"$out" 2>"$err"
	[ $? = 0 ] && grep -q "^Text: $words words in .* 2 unreadable skipped, 4 links" "$out"
	point 'an unreadable file or folder inside a folder is skipped and counted' $?
	$unprivileged "$driver" --workers "$workers" "$folder/text/closed" >"$out" 2>"$err"
	[ $? = 2 ] && grep -qF "cannot read '$folder/text/closed': Permission denied; a readable file or folder" "$err"
	point 'an unreadable file that was named is refused with status 2' $?
fi

# ---- faults on purpose ----

for workload in wordcount-shared wordcount-private private-mix shared-list handoff graph cycles; do
	wrong "a lost word or element in $workload" 'atomic, 1 thread, round 1: digest' \
		--workloads "$workload" --plant digest "$folder/text/a"
done
for workload in private-list graph cycles; do
	wrong "an object that nobody drops in $workload" 'atomic, 1 thread, round 1: 1 objects alive at the end' \
		--workloads $workload --plant leak
	wrong "a worker that crashes in $workload" 'atomic, 1 thread, round 1: the worker was ended by signal 6' \
		--workloads $workload --plant crash
	wrong "a worker that hangs in $workload" \
		'atomic, 1 thread, round 1: the worker had not ended after 1 s and was killed' \
		--workloads $workload --plant hang --timeout 1
done
wrong 'a worker that refuses its options' 'the worker ended with status 2' --workloads private-list --plant nonsense

echo "1..$points"
exit $failed
