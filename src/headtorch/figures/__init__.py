"""What is drawn, apart from how: figures as frozen records, drawn as SVG for a page and as text for a terminal."""

from __future__ import annotations

import msgspec


class Axis(msgspec.Struct, frozen=True):
    """What an axis shows: its label (with the unit), whether it is logarithmic, and its ends where they are fixed."""

    label: str
    log: bool = False
    low: float | None = None
    high: float | None = None


class Series(msgspec.Struct, frozen=True):
    """One curve, x ascending. NaN in `y` is a gap. `dots` draws the points and no line between them.

    `low` and `high` are the extent of what each point stands for, drawn as a shade behind the curve. `colour` is a
    place in the palette, the curve's own place in the chart where it is None; `dashed` tells a second curve of one
    colour apart.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    dots: bool = False
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    colour: int | None = None
    dashed: bool = False


class Band(msgspec.Struct, frozen=True):
    """A stretch of an axis that means something, such as a healthy range or the level of chance."""

    label: str
    low: float
    high: float
    upright: bool = False  # True: a stretch of x, not of y


class Marker(msgspec.Struct, frozen=True):
    """A place on the x axis where something happens, such as the step at which a finding begins."""

    label: str
    x: float


class Chart(msgspec.Struct, frozen=True):
    """Curves over one pair of axes."""

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    bands: tuple[Band, ...] = ()
    markers: tuple[Marker, ...] = ()


class Strip(msgspec.Struct, frozen=True):
    """Rows of cells over steps, coloured by value: `values` is a row for each of `rows`, a value for each of `steps`.

    `low` and `high` are the healthy range, None where it is open. `log` colours by orders of magnitude. `links` are
    addresses, one for each row, where more is told of it.
    """

    title: str
    rows: tuple[str, ...]
    steps: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]
    low: float | None = None
    high: float | None = None
    log: bool = False
    links: tuple[str, ...] = ()


class Histogram(msgspec.Struct, frozen=True):
    """How many values fall between each pair of `edges`, of which there is one more than `counts`.

    `log` says that the edges grow by factors; `bands` are stretches of the values that mean something.
    """

    title: str
    label: str
    edges: tuple[float, ...]
    counts: tuple[float, ...]
    log: bool = False
    bands: tuple[Band, ...] = ()


class Picture(msgspec.Struct, frozen=True):
    """A grey image, rows of brightnesses from 0 to 1."""

    title: str
    rows: tuple[tuple[float, ...], ...]


class Table(msgspec.Struct, frozen=True):
    """Rows of text under headings."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Figure = Chart | Strip | Histogram | Picture | Table
