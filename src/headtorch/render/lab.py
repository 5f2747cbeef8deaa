"""Labs for the terminal: the list of all, and one of them in three parts: question, picture, answer."""

from __future__ import annotations

from collections.abc import Iterable

from headtorch.figures.terminal import drawn
from headtorch.labs import Lab
from headtorch.labs.kit import Frame
from headtorch.labs.kit.knobs import knobs_of
from headtorch.render.numbers import figure
from headtorch.render.page import NARROWEST, Page


def listed(labs: Iterable[Lab], *, width: int, colour: bool) -> str:
    """The names and headlines of `labs`."""
    page = Page(max(width, NARROWEST), colour)
    labs = list(labs)
    longest = max((len(lab.name) for lab in labs), default=0)
    lines = []
    for lab in labs:
        name = f"{lab.place:2} {lab.name:{longest}} "
        first, *rest = page.wrap([name, *lab.headline.split()], indent=len(name) + 1)
        lines += [page.paint("note", name) + first[len(name) :], *rest]
    return "\n".join([*lines, "", "headtorch lab NAME [--set KNOB=VALUE] runs one."]) + "\n"


def opened(lab: Lab, knobs: object, *, width: int, colour: bool) -> str:
    """The concept, the question, and how the knobs stand."""
    page = Page(max(width, NARROWEST), colour)
    lines = [page.paint("strong", lab.name), *page.lines(lab.headline), "", *page.lines(lab.concept), ""]
    lines += [*page.paragraph("Question:", "strong", lab.paragraph("Question:")), ""]
    rows = [(f"{each.name}={_value(getattr(knobs, each.name))}", each) for each in knobs_of(type(knobs))]
    longest = max(len(setting) for setting, _ in rows)
    for setting, each in rows:
        lines += page.wrap([f"  {setting:{longest}} ", *f"{each.says}; {each.allowed}".split()], indent=longest + 4)
    return "\n".join(lines) + "\n\n"


def shown(frame: Frame, *, width: int, colour: bool) -> str:
    """The figures and the numbers of a frame."""
    page = Page(max(width, NARROWEST), colour)
    parts = [drawn(each, width=page.width, colour=colour) for each in frame.figures]
    longest = max((len(name) for name in frame.numbers), default=0)
    numbers = [f"  {name:{longest}}  {page.paint('strong', figure(value))}" for name, value in frame.numbers.items()]
    return "\n".join([*parts, *numbers]) + "\n\n"


def answered(lab: Lab, *, width: int, colour: bool) -> str:
    """The answer, what headtorch says of settings that fail, the rules and the sources."""
    page = Page(max(width, NARROWEST), colour)
    lines = page.paragraph("Answer:", "strong", lab.paragraph("Answer:"))
    for setting, rule in lab.says.items():
        lines += ["", *page.paragraph("headtorch says:", "strong", f"{rule}, where {setting.replace('&', ', ')}")]
    if lab.rules:
        lines += ["", *page.paragraph("Rules:", "strong", f"{', '.join(lab.rules)} (headtorch explain NAME)")]
    lines += ["", *page.paragraph("Sources:", "strong", lab.paragraph("Sources:"))]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
