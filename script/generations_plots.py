# script/generations_plots.py: the pictures of script/generations, drawn by gnuplot: pauses and speed by live heap, young pauses by threads.
#
# Each picture is a page of panels with one legend. Colours are those of Okabe and Ito, which nobody confuses: one for each mode (or build);
# what is drawn of it is told by the mark and the dashes.
import os
import subprocess

BLUE, ORANGE, GREEN, PURPLE, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#808080"
MODE_COLOURS = {"generational": BLUE, "full": ORANGE}
BUILD_COLOURS = {"gil": GREEN, "biased": PURPLE, "atomic": SKY}
CIRCLE, SQUARE, TRIANGLE = 7, 5, 9
# Mark, its size, width of the line, kind of dash.
STYLES = [(CIRCLE, 0.55, 2.2, 1), (SQUARE, 0.55, 2.2, 2), (TRIANGLE, 0.75, 1.6, 3)]
PERCENTILES = ["p50", "p99", "max"]
TIMES = [(0.01, "10 ns"), (0.1, "100 ns"), (1, "1 µs"), (10, "10 µs"), (100, "100 µs"), (1e3, "1 ms"), (1e4, "10 ms"),
         (1e5, "100 ms"), (1e6, "1 s"), (1e7, "10 s")]
WIDTH, TOP, BOTTOM, ROW_GAP = 1120, 172, 65, 85 # of a page and around its panels, in pixels

PAGE = """
set encoding utf8
set terminal svg size {width},{height} dynamic enhanced background "#ffffff" font "DejaVu Sans,Helvetica,Arial,sans-serif,13"
set output "{path}"
"""
# A panel of its own, as wide as the page, in which nothing is drawn but the page's title and the legend.
LEGEND = """
set multiplot
set lmargin at screen 0.02; set rmargin at screen 0.98; set bmargin at screen {bottom:.4f}; set tmargin at screen {top:.4f}
unset border; unset tics; set xrange [0:1]; set yrange [0:1]
set label 1 "{{/:Bold=17 {title}}}" at screen 0.5, screen {title_y:.4f} center textcolor "#202020"
set label 2 "{{/=11 {about}}}" at screen 0.5, screen {about_y:.4f} center textcolor "#606060"
set key at screen 0.5, screen {top:.4f} center top horizontal Left reverse maxcols {columns} maxrows 3 samplen 3 spacing 1.2 width 2
"""
PANELS = """
unset label 1; unset label 2; unset key
set border 3 linecolor "#606060"
set xtics nomirror textcolor "#303030" scale 0.5
set ytics nomirror textcolor "#303030" scale 0.5
set grid xtics ytics linetype 1 linecolor "#e4e4e4" linewidth 0.7
"""


def find_plotter():
    """None, or why nothing can be drawn."""
    try:
        done = subprocess.run(["gnuplot", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        return "there is no gnuplot (Debian: gnuplot-nox)"
    return "gnuplot does not run" if done.returncode else None


# ---- a page ----


class Page:
    def __init__(self, path, title, about, columns, rows, panel_height, legend_columns):
        self.path, self.columns, self.rows, self.panel_height = path, columns, rows, panel_height
        self.title, self.about, self.legend_columns = title, about, legend_columns
        self.height = TOP + BOTTOM + rows * panel_height + (rows - 1) * ROW_GAP
        self.blocks, self.entries, self.panels = [], [], []

    def series(self, points, columns, look, title=None):
        """What draws the points that are known, or None; the first series of a title goes into the legend."""
        if title and (look, title) not in self.entries:
            self.entries.append((look, title))
        rows = [" ".join(map(str, point)) for point in points if None not in point]
        if not rows:
            return None
        self.blocks.append("\n".join([f"$series{len(self.blocks)} << END", *rows, "END"]))
        return f"$series{len(self.blocks) - 1} using {columns} {look} notitle"

    def line(self, points, colour, style, title):
        mark, size, width, dash = style
        return self.series(points, "1:2", f'with linespoints linecolor rgb "{colour}" linewidth {width} dashtype {dash} '
                                          f"pointtype {mark} pointsize {size}", title)

    def panel(self, column, row, title, axes, series):
        plotted = ", \\\n\t".join(one for one in series if one) or "NaN notitle"
        self.panels.append("\n".join([self.place(column, row), *axes,
                                      f'set title "{{/:Bold {title}}}" offset 0,-0.6 textcolor "#303030"', "plot " + plotted]))

    def place(self, column, row):
        """The margins of a panel, as shares of the page; row 0 is the topmost."""
        left, right, gap = 0.075, 0.985, 0.065
        width = (right - left - gap * (self.columns - 1)) / self.columns
        x, y = left + column * (width + gap), self.height - TOP - row * (self.panel_height + ROW_GAP)
        return (f"set lmargin at screen {x:.4f}; set rmargin at screen {x + width:.4f}\n"
                f"set bmargin at screen {(y - self.panel_height) / self.height:.4f}; set tmargin at screen {y / self.height:.4f}")

    def draw(self):
        def from_top(pixels):
            return 1 - pixels / self.height

        legend = LEGEND.format(title=self.title, about=self.about, columns=self.legend_columns, title_y=from_top(22), about_y=from_top(45),
                               top=from_top(60), bottom=from_top(130))
        entries = ", \\\n\t".join(f'NaN {look} title "{title}"' for look, title in self.entries) or "NaN notitle"
        text = "\n".join([PAGE.format(width=WIDTH, height=self.height, path=self.path), *self.blocks, legend, "plot " + entries,
                          PANELS, *self.panels, "unset multiplot", ""])
        subprocess.run(["gnuplot"], input=text, text=True, check=True)
        return self.path


# ---- axes ----


def tics(axis, marks):
    return f"set {axis}tics (" + ", ".join(f'"{text}" {at}' for at, text in marks) + ")"


def time_axis(values):
    """Logarithmic, by powers of ten around all of the values."""
    known = [value for value in values if value] or [1]
    low = max([at for at, _ in TIMES if at <= min(known)], default=TIMES[0][0])
    high = min([at for at, _ in TIMES if at >= max(known) and at > low], default=TIMES[-1][0])
    return ["set logscale y", tics("y", TIMES), f"set yrange [{low * 0.999}:{high * 1.001}]"]


def linear_axis(top):
    return ["unset logscale y", "set ytics autofreq", f"set yrange [0:{top:.4g}]"]


def heap_axis(olds, is_last):
    marks = [(old, f"{old // 10**6:,} M" if old >= 10**6 else f"{old // 1000:,} k") for old in olds]
    label = 'set xlabel "live lists" offset 0,0.4' if is_last else "unset xlabel"
    return ["set logscale x", tics("x", marks), f"set xrange [{olds[0] / 1.5}:{olds[-1] * 1.5}]", label]


def workers_axis(workers):
    marks = [(i, str(count)) for i, count in enumerate(workers)]
    return [tics("x", marks), f"set xrange [-0.5:{len(workers) - 0.5}]", 'set xlabel "running threads" offset 0,0.4']


# ---- the pictures; value(row, side, figure) is a number, or None ----


def workers_title(workers):
    return f"{workers} worker" + "s" * (workers > 1)


def draw_pauses(path, value, options, about):
    olds, all_workers, sides = options.sizes["olds"], options.sizes["workers"], options.builds
    page = Page(path, "Pauses of the collector, by live heap", about, len(all_workers), len(sides), 235, len(MODE_COLOURS))
    pause_axis = time_axis([value(("curve", mode, old, workers), side, f"pause-{figure}") for mode in MODE_COLOURS
                            for old in olds for workers in all_workers for side in sides for figure in PERCENTILES])
    for i, side in enumerate(sides):
        for j, workers in enumerate(all_workers):
            page.panel(j, i, f"{side}, {workers_title(workers)}", pause_axis + heap_axis(olds, i == len(sides) - 1), [
                page.line([(old, value(("curve", mode, old, workers), side, f"pause-{figure}")) for old in olds],
                          colour, style, f"{mode}, {figure}")
                for mode, colour in MODE_COLOURS.items() for figure, style in zip(PERCENTILES, STYLES)])
    return page.draw()


def draw_speed(path, value, options, about):
    olds, all_workers, sides = options.sizes["olds"], options.sizes["workers"], options.builds
    page = Page(path, "Speed of the workers, and the share of the time for which the world stood", about, len(sides), 2, 245,
                len(MODE_COLOURS))
    fastest = max([value(("curve", mode, old, workers), side, "speed") or 0 for mode in MODE_COLOURS for old in olds
                   for workers in all_workers for side in sides])
    kinds = [("speed", "million pairs of lists a second", linear_axis(fastest * 1.08 or 1)),
             ("share", "stopped, % of the time", linear_axis(100))]
    for i, (figure, title, axis) in enumerate(kinds):
        for j, side in enumerate(sides):
            page.panel(j, i, f"{side}: {title}", axis + heap_axis(olds, i == len(kinds) - 1), [
                page.line([(old, value(("curve", mode, old, workers), side, figure)) for old in olds],
                          colour, style, f"{mode}, {workers_title(workers)}")
                for mode, colour in MODE_COLOURS.items() for workers, style in zip(all_workers, STYLES)])
    return page.draw()


def young_series(page, value, side, offset, what, workers, old):
    """A stroke from p50 to max at each number of workers, with three marks. What is 0 has no place on the axis."""
    def at(count, figure):
        return value(("young", old, count), side, f"{what}-{figure}") or None

    places, look = [(i + offset, count) for i, count in enumerate(workers)], f'linecolor rgb "{BUILD_COLOURS[side]}"'
    series = [page.series([(x, at(count, "p50"), at(count, "max")) for x, count in places], "1:2:(0):($3-$2)",
                          f"with vectors nohead {look} linewidth 1.5")]
    for figure, (mark, size, _, _) in zip(PERCENTILES, STYLES):
        series.append(page.series([(x, at(count, figure)) for x, count in places], "1:2",
                                  f"with points {look} pointtype {mark} pointsize {size * 1.3:.2f}", f"{side}, {figure}"))
    return series


def goal_series(page, goal, colour, title):
    return page.series([(-0.5, goal), (10, goal)], "1:2", f'with lines linecolor rgb "{colour}" linewidth 1.2 dashtype 2', title)


def draw_young(path, value, options, about, goals, workers):
    old, sides = options.sizes["young"], options.builds
    page = Page(path, f"Young collections beside {old:,} live lists", about, 2, 1, 340, len(sides) + 1)
    axis = time_axis([value(("young", old, count), side, f"{what}-{figure}") for count in workers for side in sides
                      for what in ["pause", "safepoint"] for figure in PERCENTILES] + [goals["safepoint"], *goals["pause"].values()])
    series = {what: sum([young_series(page, value, side, (i - (len(sides) - 1) / 2) * 0.22, what, workers, old)
                         for i, side in enumerate(sides)], []) for what in ["pause", "safepoint"]}
    pause_goals = [goal_series(page, goals["pause"][side], BUILD_COLOURS[side], f"goal of p99: {side}")
                   for side in sides if side in goals["pause"]]
    safepoint_goal = [goal_series(page, goals["safepoint"], GREY, "goal of p99: to safepoint")]
    page.panel(0, 0, "pause", axis + workers_axis(workers), pause_goals + series["pause"])
    page.panel(1, 0, "time to safepoint (gil: none)", axis + workers_axis(workers), safepoint_goal + series["safepoint"])
    return page.draw()


def draw_all(folder, value, options, about, goals, young_workers):
    """Draws what has been measured; the paths of the pictures."""
    def path(name):
        return os.path.join(folder, f"generations-{name}.svg")

    paths = []
    if "curves" in options.parts:
        paths += [draw_pauses(path("pauses"), value, options, about), draw_speed(path("speed"), value, options, about)]
    if "young" in options.parts:
        paths.append(draw_young(path("young"), value, options, about, goals, young_workers))
    return paths
