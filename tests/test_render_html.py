"""The report as an HTML page: whole in itself, and text from a run is text in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from golden.reports import TRAIN, reports
from hypothesis import given
from hypothesis import strategies as st
from test_render_text import any_report, some, strings

from headtorch.model import Finding, Report, Tried, Where
from headtorch.render.html import render
from headtorch.render.html.code import Source
from headtorch.render.html.patch import patch_lines
from headtorch.render.html.ranges import Range, healthy, measured
from headtorch.render.visible import is_plain

VOID = {"meta", "link", "br", "input", "img", "hr"}


class Reader(HTMLParser):
    """What a page consists of; it raises where elements are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] not in (["script"], ["style"]):
            self.words.append(data)


@some
@given(report=any_report(strings | st.sampled_from(["train.py", "<b>.py"])), source=strings)
def test_text_from_a_run_is_text(report: Report, source: str) -> None:
    page = render(report, {finding.where.file: source for finding in report.findings if finding.where})
    read = Reader(page)
    plain = Reader(render(reports(Path("/here"))["healthy"], {}))
    assert read.tags.count("script") == plain.tags.count("script")
    assert not {"img", "iframe", "object", "embed", "base"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on") or name == "style"]
    assert not [
        value
        for name, value in read.attributes
        if name in ("src", "href") and not value.startswith(("#", "data:image/svg"))
    ]
    assert all(is_plain(c) or c == "\n" for c in "".join(read.words))


@pytest.mark.parametrize("name", sorted(reports(Path("/"))))
def test_every_report_can_be_drawn(name: str, tmp_path: Path) -> None:
    report = reports(tmp_path)[name]
    read = Reader(render(report, {str(tmp_path / "train.py"): TRAIN}))
    words = " ".join(" ".join(read.words).split())
    for finding in report.findings:
        assert finding.rule in words
    assert "the run file cannot be read any more" in words


def test_what_was_tried_can_be_copied(tmp_path: Path) -> None:
    diff = "--- train.py\n+++ train.py\n@@ -6 +6 @@\n-a <b>\n+a & 'c'\n"
    tried = Tried(
        "VERIFIED", change="lower it", diff=diff, measure="accuracy", before=(0.3, 0.4), after=(0.9, 0.9), steps=60
    )
    finding = Finding("lr-too-high", "error", "one step is too far", Where(str(tmp_path / "train.py"), 6), tried=tried)
    report = reports(tmp_path)["one-cause"]
    read = Reader(render(Report("faulty", report.run, (finding,), ""), {str(tmp_path / "train.py"): TRAIN}))
    assert dict(read.attributes)["data-copy"] == diff
    assert "2 seeds × 60 steps: accuracy 0.3 to 0.4 → 0.9" in " ".join(" ".join(read.words).split())


def test_lines_of_a_patch_have_their_numbers() -> None:
    lines = patch_lines("--- a\n+++ b\n@@ -6,2 +6,2 @@\n kept\n-old\n+new\n@@ -20,0 +21 @@\n+--- x")
    assert [(line.sign, line.old, line.new, line.text) for line in lines] == [
        (" ", 6, 6, "kept"),
        ("-", 7, None, "old"),
        ("+", None, 7, "new"),
        ("@", None, None, ""),
        ("+", None, 21, "--- x"),
    ]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("1e-4 to 1e-2", Range(1e-4, 1e-2)),
        ("mostly below 20 %", Range(None, 0.2)),
        ("16 or more", Range(16, None)),
        ("at most 1", Range(None, 1)),
        ("1,000 to 2,500", Range(1000, 2500)),
        ("equal", None),
        ("log_softmax", None),
        (None, None),
    ],
)
def test_the_range_that_words_mean(words: str | None, found: Range | None) -> None:
    assert healthy(words) == found


@pytest.mark.parametrize(
    ("value", "number"), [(5.7, 5.7), ("96%", 0.96), ("1,200", 1200), ("a to b", None), (float("nan"), None)]
)
def test_the_number_that_evidence_is(value: float | str, number: float | None) -> None:
    assert measured(value) == number


@some
@given(text=strings.map(lambda text: text + "\nx = 'a' # b\n"), column=st.integers(1, 80), end=st.integers(1, 80))
def test_a_line_of_source_is_kept_whatever_is_marked(text: str, column: int, end: int) -> None:
    source = Source(text)
    for line in source.lines(range(1, 99), [Where("a", 1, column, end), Where("a", 2, end, column)]):
        assert "".join(piece.text for piece in line.pieces) == re.split("\r\n|\r|\n", text)[line.number - 1]
