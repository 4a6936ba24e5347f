# stress/collect.py: what stress/collect.c does with Tally's lists, done with Python's: the peer in script/collect.
#
# The same rows, arguments, figures and checks; read them there. gc.freeze is not used: what lives is examined. Building
# is done by the interpreter, so its figure says nothing about Python's objects. `collect.py version` tells whose it is.
import gc
import platform
import random
import sys
import time

FULL_REPETITIONS = 5
TREE_REPETITIONS = 3
YOUNG_REPETITIONS = 100
WARM_UP = 1
RING = 5
WINDOW = 100000
STRIDE = 7919
STRIDE_START = 13

dice = random.Random(1)


def expect(what, found, wanted):
    if found != wanted:
        sys.exit("collect.py: %s: %d found, %d expected" % (what, found, wanted))


def percentile(numbers, percent):
    return sorted(numbers)[(len(numbers) * percent + 99) // 100 - 1]


def show(figure, value):
    print("%s %.3f" % (figure, value))


def collect(generation, garbage):
    """Collects, checks how much that was, and returns how long it took, in ns."""
    before = time.perf_counter_ns()
    collected = gc.collect(generation)
    spent = time.perf_counter_ns() - before
    expect("objects collected", collected, garbage)
    return spent


def make_graph(size, shape):
    """A list of `size` lists; each refers to one of them and one refers to it."""
    lists = [[None] for _ in range(size)]
    if shape == "seq":
        for i in range(size):
            lists[i][0] = lists[(i + 1) % size]
    elif shape == "stride":
        for i in range(size):
            lists[i][0] = lists[(i * STRIDE + STRIDE_START) % size]
    else:
        order = list(range(size))
        dice.shuffle(order)
        for i in range(size):
            lists[i][0] = lists[order[i]]
    return lists


def run_full(size, shape):
    lists = make_graph(size, shape)
    for _ in range(WARM_UP):
        collect(2, 0)
    spent = [collect(2, 0) / size for _ in range(FULL_REPETITIONS)]
    del lists
    collect(2, size)
    show("full", percentile(spent, 50))


def make_tree(depth, parent):
    node = [None, None, parent]
    if depth:
        node[0] = make_tree(depth - 1, node)
        node[1] = make_tree(depth - 1, node)
    return node


def run_tree(depth):
    built, collected = [], []
    nodes = (2 << depth) - 1
    for i in range(-WARM_UP, TREE_REPETITIONS):
        before = time.perf_counter_ns()
        tree = make_tree(depth, None)
        spent_building = time.perf_counter_ns() - before
        del tree
        spent_collecting = collect(2, nodes)
        if i >= 0:
            built.append(spent_building / nodes)
            collected.append(spent_collecting / nodes)
    show("build", percentile(built, 50))
    show("collect", percentile(collected, 50))


def make_ring(old):
    draw = dice.random
    size = len(old)
    first = last = [None, old[int(draw() * size)]]
    for _ in range(RING - 1):
        last = [last, old[int(draw() * size)]]
    first[0] = last


def make_young(old, kept, size):
    for i in range(size // 2):
        if i % RING == 0:
            make_ring(old)
        kept[i] = [old[int(dice.random() * len(old))]]


def run_young(old_size, size):
    old = make_graph(old_size, "rand")
    kept = [None] * (size // 2)
    collect(2, 0)
    spent = []
    for i in range(-WARM_UP, YOUNG_REPETITIONS):
        make_young(old, kept, size)
        once = collect(0, size // 2) / 1e3
        if i >= 0:
            spent.append(once)
    del old, kept
    collect(2, old_size)
    # All of it is a pause: the interpreter's lock is held until the garbage is gone.
    show("pause-median", percentile(spent, 50))
    show("pause-p99", percentile(spent, 99))
    show("whole-median", percentile(spent, 50))


def make_pairs(window, pairs):
    now = time.perf_counter_ns
    longest = 0
    before = now()
    for i in range(pairs):
        one = [None]
        one[0] = [one]
        window[i % WINDOW] = one
        after = now()
        if after - before > longest:
            longest = after - before
        before = after
    return longest


def run_alloc(old_size, pairs):
    old = make_graph(old_size, "rand")
    window = [None] * WINDOW
    collect(2, 0)
    collected = sum(generation["collected"] for generation in gc.get_stats())
    pauses, began = [], [0]

    def note(phase, _):
        if phase == "start":
            began[0] = time.perf_counter_ns()
        else:
            pauses.append((time.perf_counter_ns() - began[0]) / 1e3)

    gc.callbacks.append(note)
    gc.enable()
    longest = make_pairs(window, pairs)
    gc.disable()
    gc.callbacks.remove(note)
    del old, window
    gc.collect()
    collected = sum(generation["collected"] for generation in gc.get_stats()) - collected
    expect("objects collected in all", collected, 2 * pairs + old_size)
    show("pauses", len(pauses))
    show("pause-median", percentile(pauses, 50) if pauses else 0)
    show("pause-p99", percentile(pauses, 99) if pauses else 0)
    show("pause-max", max(pauses, default=0))
    show("longest", longest / 1e3)


ROWS = {
    "seq": lambda size: run_full(size, "seq"),
    "stride": lambda size: run_full(size, "stride"),
    "rand": lambda size: run_full(size, "rand"),
    "tree": run_tree,
    "young": run_young,
    "alloc": run_alloc,
}
SMALL = {"seq": [1000], "stride": [1000], "rand": [1000], "tree": [9], "young": [2000, 500], "alloc": [2000, 50000]}


def count_lists():
    """How many lists are alive. Other objects come and go: a collection stops tracking some."""
    return sum(type(thing) is list for thing in gc.get_objects())


def run_row(row, numbers):
    gc.disable()
    gc.collect()
    alive = count_lists()
    ROWS[row](*numbers)
    expect("lists alive at the end, with those alive before", count_lists(), alive)


def main():
    row = sys.argv[1] if len(sys.argv) > 1 else ""
    if row == "version":
        print(platform.python_implementation(), platform.python_version())
    elif row == "check":
        for name, numbers in SMALL.items():
            run_row(name, numbers)
    elif row in ROWS and len(sys.argv) == 2 + len(SMALL[row]):
        run_row(row, [int(number) for number in sys.argv[2:]])
    else:
        sys.stderr.write("collect.py: a row of stress/collect.c and its numbers are expected\n")
        sys.exit(2)


main()
