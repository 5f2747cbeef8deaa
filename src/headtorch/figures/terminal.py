"""Figures as text for a terminal. Plain text tells curves apart by their marks, a terminal with colours by these."""

from __future__ import annotations

import math

from headtorch.figures import Chart, Figure, Histogram, Picture, Strip, Table
from headtorch.figures.canvas import Canvas, painted
from headtorch.figures.scale import Scale, scale, tick

ROWS = 14  # of a chart
MARKS = "●○■□▲△◆◇★☆"
SHADES = " ░▒▓█"
LEVELS = " ▁▂▃▄▅▆▇█"
BROKEN = "×"


def drawn(figure: Figure, *, width: int, colour: bool) -> str:
    """`figure` in at most `width` columns, ending with a line break."""
    title = painted(figure.title, "1") if colour else figure.title
    if isinstance(figure, Chart):
        lines = _chart(figure, width, colour)
    elif isinstance(figure, Strip):
        lines = _strip(figure, width, colour)
    elif isinstance(figure, Histogram):
        lines = _histogram(figure, width)
    elif isinstance(figure, Picture):
        lines = _picture(figure, width, colour)
    else:
        lines = _table(figure, width)
    return "\n".join([title, *lines]) + "\n"


def _chart(chart: Chart, width: int, colour: bool) -> list[str]:
    x, y = scales(chart)
    labels = {round((1 - y.place(value)) * (ROWS - 1)): tick(value) for value in y.ticks(4)}
    margin = max(map(len, labels.values()), default=0) + 2
    canvas = Canvas(max(width - margin, 10), ROWS, colour)
    for band in chart.bands:
        if not band.upright:
            for end in {band.low, band.high}:
                canvas.level(y.place(end))
    for number, series in enumerate(chart.series):
        pairs = zip(series.x, series.y, strict=True)
        points = [(x.place(a), y.place(b)) if math.isfinite(b) else None for a, b in pairs]
        canvas.curve(points, _mark(number), number, dots=series.dots)
    rows = [f"{labels.get(row, ''):>{margin - 2}} │{text}" for row, text in enumerate(canvas.lines())]
    marks = [painted("━━", _code(number)) if colour else _mark(number) for number in range(len(chart.series))]
    key = [f"{mark} {series.name}" for mark, series in zip(marks, chart.series, strict=True)]
    key += [f"┄ {band.label} ({tick(band.low)})" for band in chart.bands if not band.upright and band.label]
    indent = " " * (margin - 2)
    up, across = (axis.label + (", logarithmic" if axis.log else "") for axis in (chart.y, chart.x))
    below = [f"{indent} └{'─' * canvas.width}", f"{indent}  {_ticks(x, canvas.width)}", across.center(width).rstrip()]
    return [f"{indent} {up}", *rows, *below, *_key(key, width)]


def scales(chart: Chart) -> tuple[Scale, Scale]:
    """The stretch of each axis."""
    values = [value for series in chart.series for value in series.y]
    values += [band.low for band in chart.bands if not band.upright]
    return scale(chart.x, [value for series in chart.series for value in series.x]), scale(chart.y, values)


def _ticks(x: Scale, width: int) -> str:
    line = [" "] * (width + 1)
    for value in x.ticks(5):
        text = tick(value)
        start = min(max(round(x.place(value) * (width - 1)) - len(text) // 2, 0), width - len(text))
        if all(cell == " " for cell in line[max(start - 1, 0) : start + len(text) + 1]):
            line[start : start + len(text)] = text
    return "".join(line).rstrip()


def _key(entries: list[str], width: int) -> list[str]:
    lines: list[str] = []
    for entry in entries:
        plain = len(_bare(entry))
        if lines and len(_bare(lines[-1])) + 3 + plain <= width:
            lines[-1] += f"   {entry}"
        else:
            lines.append(f"  {entry}")
    return lines


def _bare(text: str) -> str:
    """Without colours."""
    return "".join(part.partition("m")[2] if number else part for number, part in enumerate(text.split("\x1b[")))


def _mark(number: int) -> str:
    return MARKS[number % len(MARKS)]


def _code(number: int) -> str:
    return str(Canvas.COLOURS[number % len(Canvas.COLOURS)])


def _strip(strip: Strip, width: int, colour: bool) -> list[str]:
    """Darker is more, from the lowest to the highest value of all rows."""
    values = [v for row in strip.values for v in row if math.isfinite(v) and (v > 0 or not strip.log)]
    if not values:
        return ["(no values)"]
    low, high = min(values), max(values)
    stretch = Scale(low, high if high > low else low + (abs(low) or 1.0), strip.log)
    longest = min(max(map(len, strip.rows)), width // 3)
    room = width - longest - 3
    lines = []
    for name, row in zip(strip.rows, strip.values, strict=True):
        cells = [row[index * len(row) // room] for index in range(room)] if len(row) > room else list(row)
        each = max(1, room // max(len(cells), 1)) if len(row) <= room else 1
        text = "".join(_level(value, stretch) * min(each, 8) for value in cells)
        lines.append(f"{name[:longest]:>{longest}} │{text}│")
    ends = f"{tick(strip.steps[0])} to {tick(strip.steps[-1])}" if strip.steps else ""
    return [*lines, f"{'':>{longest}}  {ends}; ▁ {tick(low)} … █ {tick(high)}"]


def _level(value: float, stretch: Scale) -> str:
    if not math.isfinite(value):
        return BROKEN
    return LEVELS[min(max(1 + round(stretch.place(value) * 7), 0), 8)]


def _histogram(histogram: Histogram, width: int) -> list[str]:
    most = max(histogram.counts, default=1) or 1
    pairs = list(zip(histogram.edges, histogram.edges[1:], strict=False))
    labels = [f"{tick(low)} to {tick(high)}" for low, high in pairs]
    margin = max(map(len, labels), default=0)
    room = width - margin - 12
    rows = [
        f"{label:>{margin}} │{'█' * round(count / most * room)} {tick(count)}"
        for label, count in zip(labels, histogram.counts, strict=True)
    ]
    return [*rows, histogram.label.center(width).rstrip()]


def _picture(picture: Picture, width: int, colour: bool) -> list[str]:
    """Two rows of a picture share a line of half blocks in grey; plain text has a shade for each pixel pair."""
    pixels, across = picture.rows, min(width, 64)
    if not pixels:
        return []
    wide, tall = len(pixels[0]), len(pixels)
    across = min(across, wide * 2)
    down = max(2, round(across * tall / wide / 2) * 2)  # a character is twice as high as it is wide
    grid = [[pixels[row * tall // down][column * wide // across] for column in range(across)] for row in range(down)]
    lines = []
    for upper, lower in zip(grid[::2], grid[1::2], strict=True):
        if colour:
            cells = [f"\x1b[38;5;{_grey(a)};48;5;{_grey(b)}m▀" for a, b in zip(upper, lower, strict=True)]
            lines.append("".join(cells) + "\x1b[0m")
        else:
            lines.append("".join(SHADES[_shade((a + b) / 2)] for a, b in zip(upper, lower, strict=True)))
    return lines


def _shade(value: float) -> int:
    return min(max(int(value * len(SHADES)), 0), len(SHADES) - 1) if math.isfinite(value) else 0


def _grey(value: float) -> int:
    return 232 + (min(max(round(value * 23), 0), 23) if math.isfinite(value) else 0)


def _table(table: Table, width: int) -> list[str]:
    widths = [max(map(len, column)) for column in zip(table.headings, *table.rows, strict=True)]
    lines = []
    for row in (table.headings, *table.rows):
        cells = [f"{cell:{wide}}" for cell, wide in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip()[:width])
    return [lines[0], "─" * min(sum(widths) + 2 * len(widths) - 2, width), *lines[1:]]
