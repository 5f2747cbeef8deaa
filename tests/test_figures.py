"""Figures: axes with round labels, and SVG that is well formed whatever it shows."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_render_text import some, strings

from headtorch.figures import Axis, Band, Chart, Figure, Histogram, Marker, Picture, Series, Strip, Table
from headtorch.figures.scale import Scale, scale, tick
from headtorch.figures.svg import svg, svg_file
from headtorch.figures.tables import table

numbers = st.floats(width=32)
SVG = "{http://www.w3.org/2000/svg}"


def rows(width: int, height: int) -> st.SearchStrategy[tuple[tuple[float, ...], ...]]:
    row = st.lists(numbers, min_size=width, max_size=width).map(tuple)
    return st.lists(row, min_size=height, max_size=height).map(tuple)


def charts() -> st.SearchStrategy[Figure]:
    points = st.integers(0, 9)

    def series(count: int) -> st.SearchStrategy[Series]:
        y = st.lists(numbers, min_size=count, max_size=count).map(tuple)
        return st.builds(
            Series, strings, st.just(tuple(map(float, range(count)))), y, st.booleans(), y, y, dashed=st.booleans()
        )

    ends = st.floats(-1e6, 1e6)
    return st.builds(
        Chart,
        strings,
        st.builds(Axis, strings),
        st.builds(Axis, strings, st.booleans()),
        st.lists(points.flatmap(series), max_size=3).map(tuple),
        st.lists(st.builds(Band, strings, ends, ends, st.booleans()), max_size=2).map(tuple),
        st.lists(st.builds(Marker, strings, ends), max_size=2).map(tuple),
    )


def strips() -> st.SearchStrategy[Figure]:
    def strip(size: tuple[int, int]) -> st.SearchStrategy[Strip]:
        width, height = size
        names = st.lists(strings, min_size=height, max_size=height).map(tuple)
        low, high = st.none() | st.floats(1e-6, 1e-2), st.none() | st.floats(0.1, 10)
        steps = st.just(tuple(map(float, range(width))))
        links = st.just(()) | names
        return st.builds(Strip, strings, names, steps, rows(width, height), low, high, st.booleans(), links)

    return st.tuples(st.integers(0, 6), st.integers(0, 4)).flatmap(strip)


histograms = st.builds(
    Histogram, strings, strings, st.just((0.5, 1.0, 2.0, 4.0)), st.just((1.0, 0.0, 7.0)), st.booleans()
)
pictures = st.builds(Picture, strings, rows(3, 2))


@some
@given(figure=st.one_of(charts(), strips(), histograms, pictures))
def test_any_figure_is_well_formed_and_told_in_words(figure: Figure) -> None:
    drawn = svg(figure)
    read = ElementTree.fromstring(svg_file(figure))
    assert read.find(f"{SVG}title") is not None and read.find(f"{SVG}desc") is not None
    assert "style=" not in drawn and not re.search(
        r"\bnan\b|\binf\b", re.sub(r"<(title|desc|text|tspan)\b.*?</\1>", "", drawn)
    )
    ElementTree.fromstring(svg(table(figure)))


def test_a_table_is_html() -> None:
    drawn = svg(Table("<i>", ("a", "b"), (("1", "<2>"),)))
    assert drawn.startswith("<table") and "&lt;2&gt;" in drawn and "<i>" not in drawn


@some
@given(low=st.floats(-1e9, 1e9), size=st.floats(1e-6, 1e9), log=st.booleans(), most=st.integers(2, 8))
def test_ticks_lie_on_the_axis_and_are_few(low: float, size: float, log: bool, most: int) -> None:
    size *= 1 + abs(low)
    stretch = Scale(abs(low) + 1e-9, abs(low) + 1e-9 + size, True) if log else Scale(low, low + size)
    ticks = stretch.ticks(most)
    assert 1 <= len(ticks) <= 2 * most + 2
    assert ticks == sorted(ticks)
    assert all(-0.01 <= stretch.place(value) <= 1.01 for value in ticks)


def test_a_flat_curve_does_not_look_steep() -> None:
    assert scale(Axis("loss"), [2.30, 2.29]).low == 0
    assert scale(Axis("loss"), [-1.0, 2.0]).low == -1
    assert scale(Axis("loss", log=True), [1e-3, 10, math.nan]) == Scale(1e-3, 10, True)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (0, "0"),
        (0.05, "0.05"),
        (12, "12"),
        (2500, "2500"),
        (20_000, "20k"),
        (1.5e6, "1.5M"),
        (1e-5, "1e-5"),
        (2.5e-7, "2.5e-7"),
    ],
)
def test_labels_are_short(value: float, label: str) -> None:
    assert tick(value) == label


def test_what_is_outside_of_the_healthy_range_has_another_colour() -> None:
    strip = Strip("s", ("a",), (0.0, 1.0, 2.0, 3.0), ((1e-7, 1e-3, 1.0, math.inf),), 1e-4, 1e-2, True)
    strokes = re.findall(r'<path d="M(\d) 0h1" stroke="var\(--(\w+)', svg(strip))
    assert dict(strokes) == {"0": "less3", "1": "fit1", "2": "more2", "3": "broken"}
