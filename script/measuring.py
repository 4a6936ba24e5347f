# script/measuring.py: what the scripts of the benchmarks (script/objects, script/share, script/weak) have in common: options, the
# build, running a program, the figures of several rounds, what callgrind wrote, tables; and how the programs of stress/share.c are run.
import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def say(text):
    print(f"script/{os.path.basename(sys.argv[0])}: {text}", file=sys.stderr, flush=True)


# ---- options ----


def number(least, most, multiple=1):
    def parse(text):
        if not re.fullmatch("[0-9]+", text) or not least <= int(text) <= most or int(text) % multiple:
            what = f"a multiple of {multiple:,}" if multiple > 1 else "a number"
            raise argparse.ArgumentTypeError(f"'{text}' given, {what} from {least:,} to {most:,} expected")
        return int(text)

    return parse


def some_of(*names):
    def parse(text):
        chosen = list(dict.fromkeys(text.split(",")))
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"'{name}' given, some of {', '.join(names)} expected")
        return chosen

    return parse


def writable(path):
    try:
        open(path, "a").close()
    except OSError:
        raise argparse.ArgumentTypeError(f"{path} cannot be written")
    return path


# ---- programs ----


BUILD = r"""
cd "$1" && . script/builds.sh || exit
mkdir -p build/release
configure release || { cat build/release/configure.log >&2; exit 1; }
ninja -C build/release "$2" >build/release/build.log 2>&1 || { cat build/release/build.log >&2; exit 1; }
"""


def build(target, setup):
    """The folder where the programs are."""
    status = subprocess.run([ROOT + "/script/setup"] + ["--setup"] * setup).returncode
    if status:
        sys.exit(status)
    if subprocess.run(["bash", "-c", BUILD, "bash", ROOT, target], stdout=sys.stderr).returncode:
        say("the build failed")
        sys.exit(1)
    return ROOT + "/build/release/stress"


def run(command, cpu=None, quiet=False):
    """What it prints, or None when it failed, which it has said itself. On one processor, or on all."""
    pin = None if cpu is None else lambda: os.sched_setaffinity(0, [cpu])
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=600,
                              stderr=subprocess.DEVNULL if quiet else None, preexec_fn=pin)
    except (OSError, subprocess.TimeoutExpired) as error:
        if not quiet:
            say(f"{' '.join(command)}: {error}")
        return None
    return done.stdout if done.returncode == 0 else None


# ---- figures ----


class Figures:
    """values[row, side, figure]: one for each round; None where a measurement failed."""

    def __init__(self):
        self.values = {}
        self.failed = False

    def add(self, row, side, figure, value):
        if value is None:
            say(f"{side} failed: {row}")
            self.failed = True
        self.values.setdefault((row, side, figure), []).append(value)

    def median(self, row, side, figure="ns"):
        values = [value for value in self.values.get((row, side, figure), []) if value is not None]
        return statistics.median(values) if values else None

    def has_failed(self, row, side, figure="ns"):
        return None in self.values.get((row, side, figure), [])

    def ratio(self, row, side, base, figure="ns", base_row=None):
        """The median of the quotients within the rounds, where the machine was in one mood."""
        above = self.values.get((row, side, figure), [])
        below = self.values.get((base_row or row, base, figure), [])
        quotients = [a / b for a, b in zip(above, below) if a is not None and b]
        return statistics.median(quotients) if quotients else None


def short(value):
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


# ---- instructions ----


def parse_callgrind(path):
    """Instructions by function, without those of the functions that it calls."""
    names, spent, function, is_call = {}, {}, None, False
    for line in open(path):
        match = re.match(r"(c?fn)=\((\d+)\)(?: (.*))?$", line)
        if match:
            if match[3]:
                names[match[2]] = match[3].split("'")[0] # without the level of a recursion
            if match[1] == "fn":
                function = names[match[2]]
        elif line.startswith("calls="):
            is_call = True
        elif re.match(r"[0-9+*-]", line):
            if not is_call:
                spent[function] = spent.get(function, 0) + int(line.split()[1])
            is_call = False
    return spent


# ---- the programs of stress/share.c ----


LOCKED = ["gil", "python"] # one thread at a time, which has the lock for 5 ms
MICROSECONDS, LOCKED_MICROSECONDS = 1000, 6000 # of a window; where several threads wait for a lock it changes hands
COUNTED_OPERATIONS = 20_000


def find_python(path, is_wanted):
    """Whether CPython can be compared with, and a sentence about it."""
    if not is_wanted:
        return False, "not compared with CPython"
    if not os.access(path, os.X_OK):
        return False, ("CPython is not there: no pkg-config python3-embed with a static library was found when this was "
                       "built (Debian: libpython3-dev)")
    version = run([path, "version"])
    if not version:
        return False, f"CPython is not there: {path} does not run"
    return True, "CPython " + version.split()[0] + (", free-threaded" if "free-threading" in version else "")


def rows_of(path, match):
    """The program's rows by kind: private and shared."""
    rows = {"private": [], "shared": []}
    for line in (run([path, "list"]) or "").splitlines():
        kind, row = line.split()
        if match in row:
            rows[kind].append(row)
    return rows


def measure_row(figures, row, side, path, threads, windows, microseconds):
    text = run([path, row, str(threads), str(windows), str(microseconds)])
    found = dict(line.split() for line in (text or "").splitlines())
    wanted = ["fastest"] if threads == 1 else ["fastest", "owner", "other", "all", "scale", "clean"]
    for figure in wanted:
        if text is None or figure in found:
            figures.add(row, f"{side} at {threads}", figure, float(found[figure]) if found else None)


def measure_several(figures, row, side, path, threads, windows, is_quick):
    """The row on several threads. Where they wait for a lock the windows are longer, and fewer."""
    locked = side in LOCKED
    measure_row(figures, row, side, path, threads, max(1, windows // 3) if locked else windows,
                LOCKED_MICROSECONDS if locked and not is_quick else MICROSECONDS)


def count_instructions(path, row, who):
    """Instructions by function, of COUNTED_OPERATIONS by thread `who`."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/callgrind"
        command = ["valgrind", "--quiet", "--tool=callgrind", "--callgrind-out-file=" + out,
                   "--toggle-collect=measured_pass", path, "count", row, str(COUNTED_OPERATIONS), str(who)]
        return parse_callgrind(out) if run(command, quiet=True) is not None else {}


def has_valgrind():
    return run(["valgrind", "--version"], quiet=True) is not None


def print_profile(label, spent):
    parts = [f"{name} {count / COUNTED_OPERATIONS:.1f}"
             for name, count in sorted(spent.items(), key=lambda item: -item[1]) if count >= COUNTED_OPERATIONS / 2]
    total = sum(spent.values()) / COUNTED_OPERATIONS
    print(f"  {label}: {total:.1f}: " + ", ".join(parts))


# ---- tables ----


def mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values))


class Table:
    def __init__(self, figures, options):
        self.figures, self.options, self.missed = figures, options, []

    def head(self, title, *columns):
        print(f"\n{title:<32}" + "".join(f"{column:>11}" for column in columns))

    def line(self, label, *cells):
        print(f"  {label:<30}" + "".join(f"{cell:>11}" for cell in cells))

    def judged(self, value, misses, row):
        if value is None or not misses(round(value, 2)):
            return short(value)
        self.missed.append(row)
        return "! " + short(value)

    def cell(self, row, side, figure):
        return "failed" if self.figures.has_failed(row, side, figure) else short(self.figures.median(row, side, figure))


def print_clean(figures):
    """Of the windows of several threads: how many were undisturbed."""
    clean = [value for (_, _, figure), values in figures.values.items() if figure == "clean"
             for value in values if value is not None]
    if clean:
        print(f"\nOf the windows of several threads {100 * sum(clean) / len(clean):.0f} % were undisturbed.")


def write_json(path, figures, head):
    entries = [json.dumps({"row": row, "side": side, "figure": figure, "median": figures.median(row, side, figure),
                           "values": values}) for (row, side, figure), values in figures.values.items()]
    with open(path, "w") as file:
        file.write(json.dumps(head)[:-1] + ', "figures": [\n\t' + ",\n\t".join(entries) + "\n]}\n")
