"""A checkup as one screen of text: an exam is a line, and another with its curve."""

from __future__ import annotations

from headtorch.model import Checkup, Examined
from headtorch.render.numbers import count, duration
from headtorch.render.page import Page
from headtorch.render.sparkline import sparkline
from headtorch.render.visible import all_visible

INDENT = 6
TAGS = {"passes": ("ok", "healthy"), "fails": ("FAILS", "error"), "open": ("open", "warning"), "shown": ("", "note")}


def render(checkup: Checkup, *, width: int, colour: bool) -> str:
    """The exams in their order, and what they took."""
    page = Page(width, colour)
    checkup = all_visible(checkup)
    lines = [line for examined in checkup.examined for line in _lines(examined, page)]
    failed = sum(examined.state == "fails" for examined in checkup.examined)
    verdict = f"{count(failed, 'exam')} failed" if failed else "no exam failed"
    took = f"in {count(checkup.steps, 'step')} and {duration(checkup.seconds)}"
    lines += page.paragraph("headtorch:", "strong", f"{verdict}, {took}", f"({checkup.script})")
    return "\n".join(lines) + "\n"


def _lines(examined: Examined, page: Page) -> list[str]:
    tag, style = TAGS[examined.state]
    head = page.paint(style, f"{tag:<5}")
    first, *rest = Page(page.width - INDENT, page.colour).wrap(page.words(f"{examined.title}: {examined.words}"), 0)
    lines = [f"{head} {first}", *(" " * INDENT + line for line in rest)]
    if examined.curve:
        first, last = examined.ends
        lines.append(" " * INDENT + " ".join(filter(None, (first, sparkline(examined.curve), last))))
    return lines
