"""What a search has shown: the numbers it changed, what it took, and the verdict on the best of them."""

from __future__ import annotations

from pathlib import Path

from headtorch.model import COMMAND_LINE, Setting, Tuned
from headtorch.render.numbers import count, duration, figure
from headtorch.render.page import Page
from headtorch.render.trial import trial_lines
from headtorch.render.visible import all_visible

INDENT = 6


def render(tuned: Tuned, *, width: int, colour: bool) -> str:
    """A line for each number, then the patch and its verdict, then what it took."""
    page = Page(width, colour)
    tuned = all_visible(tuned)
    lines = [line for setting in tuned.settings for line in _lines(setting, page)]
    lines += trial_lines(tuned.tried, page)
    for notice in tuned.notices:
        lines += page.paragraph("note:", "note", notice)
    took = f"{count(tuned.trials, 'trial')} in {count(tuned.steps, 'step')} and {duration(tuned.seconds)}"
    if tuned.stopped:
        took += f", of which ended early: {', '.join(f'{number} {why}' for why, number in tuned.stopped.items())}"
    lines += page.paragraph("headtorch:", "strong", f"{took}; the same command goes on with the study", tuned.study)
    return "\n".join(lines) + "\n"


def _lines(setting: Setting, page: Page) -> list[str]:
    before = "not written" if setting.before is None else figure(setting.before)
    moved = setting.after is not None and setting.after != setting.before
    value = f"{before} → {figure(setting.after)}" if moved and setting.after is not None else f"{before}, kept"
    file = setting.where.file
    place = "command line" if file == COMMAND_LINE else f"{Path(file).name}:{setting.where.line}"
    text = f"{setting.name} ({place}): {value}, searched from {figure(setting.low)} to {figure(setting.high)}"
    return page.wrap(page.words(text, INDENT), INDENT)
