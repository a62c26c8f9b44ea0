"""Figures as SVG that a page may hold: bars and curves, each value written out, nothing told by colour alone.

Colours are Okabe and Ito's, for people who see few of them. A page may restyle the classes: `ink` for text,
`faint` for what says less, `grid` for lines of a
grid, `paper` for what lies behind.
"""

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from benchmarks.accuracy.score_plots import COLOURS, DASHES, Scale
from benchmarks.harness.tables import shown

WIDTH = 720
NAME_WIDTH, VALUE_WIDTH = 230, 110
BAR, GAP = 16, 12
LONGEST_NAME = 28
COLOURED = COLOURS[:6]
"""Those that stand out from paper and from a dark page."""
HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 300, 70, 210, 20, 46

Point = tuple[float, float]


def bars(title: str, groups: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """A bar for each name of each group, from 0 on, on one scale; negative values are drawn as 0."""
    most = max((value for group in groups.values() for value in group.values()), default=0.0)
    scale = Scale(0, most if most > 0 else 1, NAME_WIDTH, WIDTH - VALUE_WIDTH)
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    if len(names) == 1 and max(map(_wide, groups)) <= LONGEST_NAME:  # its label is enough
        only = {label: value for label, group in groups.items() for value in group.values()}
        rows = [(label, value, COLOURED[0]) for label, value in only.items()]
        return _svg(title, _rows(scale, rows, unit, 4), max(24, 4 + len(rows) * (BAR + 4)))
    body, y = [], 4
    for label, group in groups.items():
        body.append(_text(0, y + 12, label, weight="600"))
        rows = [(name, value, COLOURED[names.index(name) % len(COLOURED)]) for name, value in group.items()]
        body += _rows(scale, rows, unit, y + 18)
        y += 18 + len(rows) * (BAR + 4) + GAP
    return _svg(title, body, max(y, 24))


def _rows(scale: Scale, rows: Sequence[tuple[str, float, str]], unit: str, y: int) -> list[str]:
    """Name, value and colour of each, one below the other from `y` on."""
    places = range(y, y + len(rows) * (BAR + 4), BAR + 4)
    return [
        part
        for place, (name, value, colour) in zip(places, rows, strict=True)
        for part in _bar(scale, place, name, value, unit, colour)
    ]


def _bar(scale: Scale, y: int, name: str, value: float, unit: str, colour: str) -> Iterator[str]:
    end = scale.at(max(value, 0))
    yield _text(NAME_WIDTH - 8, y + 12, _cut(name), anchor="end", kind="faint")
    yield (
        f'<rect x="{NAME_WIDTH}" y="{y}" width="{max(end - NAME_WIDTH, 1):.1f}" height="{BAR}" rx="2" '
        f'fill="{colour}"/>'
    )
    yield _text(end + 6, y + 12, shown(value, unit))


def curves(
    title: str, lines: Mapping[str, Sequence[Point]], across: str, up: str, level: tuple[float, str] | None
) -> str:
    """A line for each name, with its points; `level` is a height to stay below, and its words."""
    points = [point for line in lines.values() for point in line]
    high = max([y for _, y in points] + ([level[0]] if level else []), default=0.0)
    far = max([x for x, _ in points], default=0.0)
    x_scale = Scale(0, far if far > 0 else 1, LEFT, WIDTH - RIGHT)
    y_scale = Scale(0, high * 1.08 if high > 0 else 1, HEIGHT - BOTTOM, TOP)
    body = [*_grid(x_scale, y_scale, sorted({x for x, _ in points}), across, up)]
    if level:
        body += _level(y_scale, *level)
    for place, (name, line) in enumerate(lines.items()):
        body += _curve([(x_scale.at(x), y_scale.at(y)) for x, y in line], name, place)
    return _svg(title, body, HEIGHT)


def _grid(across: Scale, up: Scale, marks: Sequence[float], x_name: str, y_name: str) -> Iterator[str]:
    for value in _round_marks(up.high):
        y = up.at(value)
        yield f'<line class="grid" x1="{LEFT}" x2="{across.end}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ccc"/>'
        yield _text(LEFT - 8, y + 4, shown(value, ""), anchor="end", kind="faint")
    for value in marks[:: max(1, len(marks) // 12)]:
        yield _text(across.at(value), up.start + 16, f"{value:g}", anchor="middle", kind="faint")
    yield _text((across.start + across.end) / 2, HEIGHT - 6, x_name, anchor="middle", kind="faint")
    middle = (up.start + up.end) / 2
    turned = f' transform="rotate(-90 14 {middle:.1f})"'
    yield _text(14, middle, y_name, anchor="middle", kind="faint", more=turned)


def _round_marks(high: float) -> list[float]:
    """Three to seven numbers from 0 on that are easily read."""
    tenth = 10.0 ** math.floor(math.log10(high))
    step = next(part * tenth for part in (0.2, 0.5, 1, 2) if high / (part * tenth) < 6)
    return [place * step for place in range(math.floor(high / step) + 1)]


def _level(up: Scale, height: float, words: str) -> Iterator[str]:
    y = up.at(height)
    yield (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#777" '
        'stroke-dasharray="3 3"/>'
    )
    yield _text(WIDTH - RIGHT + 8, y + 4, words, kind="faint")


def _curve(points: Sequence[Point], name: str, place: int) -> Iterator[str]:
    colour, dash = COLOURED[place % len(COLOURED)], DASHES[place % len(DASHES)]
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    yield f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>'
    for x, y in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
    y = TOP + 12 + 22 * place
    x = WIDTH - RIGHT + 8
    yield (
        f'<line x1="{x}" x2="{x + 26}" y1="{y - 4}" y2="{y - 4}" stroke="{colour}" stroke-width="2"{dashed}/>'
    )
    yield _text(x + 32, y, _cut(name, 24))


def _cut(name: str, longest: int = LONGEST_NAME) -> str:
    if _wide(name) <= longest:
        return name
    kept = next(end for end in range(len(name), -1, -1) if _wide(name[:end]) < longest)
    return f"{name[:kept]}…"


def _wide(name: str) -> int:
    """In letters: a Chinese one is as wide as two others."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in name)


def _text(
    x: float,
    y: float,
    told: str,
    *,
    anchor: str = "start",
    kind: str = "ink",
    weight: str = "400",
    more: str = "",
) -> str:
    colour = "#111" if kind == "ink" else "#555"
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-weight="{weight}"{more}>{escape(told)}</text>'
    )


def _svg(title: str, body: Sequence[str], height: int) -> str:
    told = escape(title)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="12" role="img" '
        f'aria-label="{told}">'
    )
    paper = f'<rect class="paper" width="{WIDTH}" height="{height}" fill="white"/>'
    return "\n".join([head, f"<title>{told}</title>", paper, *body, "</svg>", ""])
