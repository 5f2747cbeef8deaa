"""The catalogue of the rules for the terminal: the list of all, and the page of one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from headtorch.labs import labs_of
from headtorch.render.page import NARROWEST, Page
from headtorch.render.visible import columns
from headtorch.rules import Rule

WORD = re.compile(r"(?:[^\s`]|`[^`]*`)+")  # code is not broken at its spaces


def listed(rules: Iterable[Rule], *, width: int, colour: bool) -> str:
    """The names and headlines of `rules`, by family."""
    page = Page(max(width, NARROWEST), colour)
    rules = sorted(rules, key=lambda rule: rule.family)
    names = max((len(rule.name) for rule in rules), default=0)
    lines: list[str] = []
    family = None
    for rule in rules:
        if rule.family != family:
            family = rule.family
            lines += ["", page.paint("strong", family)]
        name = f"  {rule.name:{names}} "
        first, *rest = page.wrap([name, *rule.headline.split()], indent=len(name) + 1)
        lines += [page.paint("note", name) + first[len(name) :], *rest]
    return "\n".join([*lines[1:], "", "headtorch explain NAME prints the page of one."]) + "\n"


def explained(rule: Rule, *, width: int, colour: bool) -> str:
    """The page of `rule`, its leads in bold where there is `colour`."""
    page = Page(max(width, NARROWEST), colour)
    parts = [_flowing(rule.name, f"({rule.family})", page), _flowing("", rule.headline, page)]
    parts += [_flowing(lead, text, page) for lead, text in rule.paragraphs]
    if rule.leads_to:
        parts.append(_flowing("What can follow from it:", f"{', '.join(rule.leads_to)}.", page))
    if labs := labs_of(rule.name):
        names = ", ".join(f"headtorch lab {lab.name}" for lab in labs)
        parts.append(_flowing("Play with it:", names, page))
    parts.append([page.paint("strong", "See it happen:") + f" headtorch explain {rule.name} --demo"])
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def _flowing(lead: str, text: str, page: Page) -> list[str]:
    """Lines of a paragraph that begins with `lead`."""
    words = [part for word in WORD.findall(text) for part in ([word] if columns(word) <= page.width else word.split())]
    first, *rest = page.wrap([*lead.split(), *words], indent=0)
    return [page.paint("strong", lead) + first[len(lead) :], *rest]
