"""Drawings by matplotlib, as SVG: the same bytes for the same figures.

Nothing is said by colour alone: lines differ in their dashes, bars in their hatches, and each bar has its
number. Colours are Okabe and Ito's, for people who see few of them. Text stays text.
"""

import io
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.errors import BenchmarkError
from benchmarks.harness.result import SHARE, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
DASHES: tuple[tuple[int, tuple[float, ...]], ...] = (
    (0, ()),
    (0, (7, 3)),
    (0, (2, 2)),
    (0, (9, 3, 2, 3)),
    (0, (4, 4)),
    (0, (1, 3)),
    (0, (12, 4)),
    (0, (6, 2, 1, 2)),
)
HATCHES = ("", "//", "..", "xx", "\\\\", "++", "oo", "--")
STYLE: Any = {
    "svg.hashsalt": "passenger-lane",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "hatch.linewidth": 0.6,
}
LETTER_IN, LINE_IN = 0.085, 0.2
"""Inches of a letter and of a line; measured by nobody, since a browser may have another font."""
LONGEST, LEGEND_LETTERS = 44, 24
"""Letters of a name beside a bar, and of one in a legend."""
WIDTH_IN = 7.8
MISSING = "no drawings: matplotlib is not installed; it comes with the extra `benchmarks`: pip install "
MISSING += "--no-deps --require-hashes -r requirements-dev.lock"

Point = tuple[float, float]
Drawing: TypeAlias = "Figure"
Plane: TypeAlias = "Axes"
"""matplotlib's, which is loaded where something is drawn."""


class PlotsMissingError(BenchmarkError):
    """matplotlib is not installed."""

    def __init__(self) -> None:
        super().__init__(MISSING)


def canvas(width_in: float, height_in: float) -> Drawing:
    """A page. PlotsMissingError where matplotlib is not installed."""
    try:
        import matplotlib as mpl  # noqa: PLC0415  an extra that a benchmark does without
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise PlotsMissingError from error
    mpl.rcParams.update(STYLE)
    return Figure(figsize=(width_in, height_in), facecolor="white")


def beside_legend(title: str, height_in: float = 5.2) -> Plane:
    """Axes on a page of their own, with room for a legend at the right."""
    axes = canvas(WIDTH_IN, height_in).add_axes((0.1, 0.55 / height_in, 0.54, 1 - 1.0 / height_in))
    axes.set_title(title)
    return axes


def finish(axes: Plane, *remarks: str) -> Drawing:
    """With a legend at the right, and below it what marks stand for."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, handlelength=3.5
        )
    axes.text(1.04, 0, "\n".join(remarks), transform=axes.transAxes, color="#555555", va="bottom")
    page = axes.get_figure(root=True)
    assert page is not None
    return page


def line(
    axes: Plane, points: Sequence[Point], place: int, name: str, detail: str = "", *, marker: str = ""
) -> None:
    """The line of a name; `place` gives its colour and its dashes."""
    label = "\n".join(filter(None, (lettered(name, LEGEND_LETTERS), detail)))
    x, y = ([point[axis] for point in points] for axis in (0, 1))
    style = DASHES[place % len(DASHES)]
    axes.plot(x, y, color=colour(place), linestyle=style, marker=marker, markersize=4, label=label)


def ring(axes: Plane, at: Point, place: int) -> None:
    """Around a point that is to be noticed."""
    axes.plot(*at, "o", markersize=10, fillstyle="none", color=colour(place), clip_on=False, gid="ring")


def colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def curves(
    title: str, lines: Mapping[str, Sequence[Point]], across: str, up: str, level: tuple[float, str] | None
) -> Drawing:
    """A line for each name, with its points; `level` is a height to stay below, and its words."""
    axes = beside_legend(title, height_in=3.6)
    for place, (name, points) in enumerate(lines.items()):
        line(axes, points, place, name, marker="o")
    from_zero(axes, across, up)
    axes.set_xticks(sorted({x for points in lines.values() for x, _ in points}))
    if level:
        axes.axhline(level[0], color="#555555", linestyle=":")
    return finish(axes, *([f"dots: {level[1]}"] if level else []))


def from_zero(axes: Plane, across: str, up: str) -> None:
    """Both axes' names; both begin at 0."""
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)


def bars(title: str, groups: Mapping[str, Mapping[str, float]], unit: str) -> Drawing:
    """A bar for each name of each group, from 0 on, on one scale; negative values are drawn as 0.

    Names stand at the top, where there are several; their bars follow one another in that order.
    """
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    head_in = LINE_IN * (2 + (len(names) if len(names) > 1 else 0))
    left_in = 0.2 + LETTER_IN * max((wide(lettered(label)) for label in groups), default=0)
    bars_in = LINE_IN * sum(len(group) + 0.6 for group in groups.values())
    height_in = head_in + bars_in + 2 * LINE_IN
    figure = canvas(WIDTH_IN, height_in)
    right_in = 0.9  # for the last number
    box = (left_in / WIDTH_IN, 2 * LINE_IN / height_in)
    axes = figure.add_axes((*box, 1 - (left_in + right_in) / WIDTH_IN, bars_in / height_in))
    figure.text(0.02, 1 - LINE_IN / height_in, title, weight="bold", size=11, va="center")
    y, labels = 0.0, {}
    for label, group in groups.items():
        labels[y + (len(group) - 1) / 2] = lettered(label)
        for name, value in group.items():
            place = names.index(name)
            bar = axes.barh(y, max(value, 0), 0.8, color=colour(place), hatch=HATCHES[place % len(HATCHES)])
            bar.set_label(lettered(name))
            number = (max(value, 0), y)
            axes.annotate(shown(value, unit), number, (4, 0), textcoords="offset points", va="center")
            y += 1
        y += 0.6
    axes.set_yticks(list(labels), list(labels.values()))
    axes.set_ylim(y - 1, -0.6)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(lambda value, _: shown(value, unit if unit == SHARE else ""))
    axes.grid(visible=False, axis="y")
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    if len(names) > 1:
        by_name = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        above = (0, 1 - 1.4 * LINE_IN / height_in)
        figure.legend(by_name.values(), by_name, loc="upper left", bbox_to_anchor=above, frameon=False)
    return figure


def svg(figure: Drawing) -> str:
    """Without a date, so that the same figures are the same file."""
    page = io.StringIO()
    with warnings.catch_warnings():
        # Text stays text: who draws it has the letters of its language, matplotlib need not
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(
            page, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    return page.getvalue()


def lettered(name: str, longest: int = LONGEST) -> str:
    """A name that matplotlib shows, cut where it is too long."""
    name = f" {name}" if name.startswith("_") else name
    if wide(name) <= longest:
        return name
    kept = next(end for end in range(len(name), -1, -1) if wide(name[:end]) < longest)
    return f"{name[:kept]}…"


def wide(name: str) -> int:
    """In letters: a Chinese one is as wide as two others."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in name)
