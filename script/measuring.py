# script/measuring.py: what the scripts of the benchmarks (script/objects, script/share) have in common: options, the build,
# running a program, the figures of several rounds, what callgrind wrote.
import argparse
import os
import re
import statistics
import subprocess
import sys

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
