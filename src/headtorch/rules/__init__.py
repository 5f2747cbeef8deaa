"""The rules: one file a rule, found by scanning this folder; nothing else is edited to add one.

A rule's module is named after it, `dead_relu.py` for `dead-relu`. Its docstring is its page in the catalogue. It has

    FAMILY      the heading it stands under in the catalogue
    LEADS_TO    the names of the rules whose findings follow from its own
    SYMPTOM     true for what any other error may bring about; only symptoms have it
    find        a function from Signals to its findings, each with evidence and the line to change
    changes     where an edit can mend it: a function from a finding and Signals to changes, the most promising first

A page is a headline and one paragraph for each of the `LEADS`, in that order (CONTRIBUTING.md says what they hold).

How sure a finding is stands in its confidence, of three ranks: 0.95 and above for what is certain from the graph, the
mode, the parameter lists or the shapes; about 0.8 for what the dynamics of a whole training show; 0.6 and below for a
symptom that several causes share.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from headtorch.model import Change, Finding, UserError
from headtorch.signals import Signals

# "it" is for what learns, and still fails: when evaluated, on new data, or by losing what was learned before.
LEADS = (("Why learning fails:", "Why it fails:"), ("Measured:",), ("Healthy:",), ("Fix:",), ("Ignore it when",))


class Rule(NamedTuple):
    """A rule: its name, its family and page in the catalogue, what follows from it, how it finds and what may mend."""

    name: str
    family: str
    page: str
    leads_to: tuple[str, ...]
    find: Callable[[Signals], Iterator[Finding]]
    symptom: bool = False
    changes: Callable[[Finding, Signals], Iterator[Change]] | None = None

    @property
    def headline(self) -> str:
        """What is wrong, in one sentence: the first line of the page."""
        return self.page.partition("\n")[0]

    @property
    def paragraphs(self) -> list[tuple[str, str]]:
        """The rest of the page: for each paragraph its lead, "" where it has none, and its text on one line."""
        known = [lead for leads in LEADS for lead in leads]
        texts = [" ".join(part.split()) for part in self.page.split("\n\n")[1:]]
        leads = [next((lead for lead in known if text.startswith(f"{lead} ")), "") for text in texts]
        return [(lead, text.removeprefix(lead).lstrip()) for lead, text in zip(leads, texts, strict=True)]


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, by name."""
    rules = []
    for info in pkgutil.iter_modules(__path__):
        name = info.name.replace("_", "-")
        try:
            module = importlib.import_module(f"{__name__}.{info.name}")
            page, symptom = inspect.getdoc(module) or "", getattr(module, "SYMPTOM", False)
            changes = getattr(module, "changes", None)
            rules.append(Rule(name, module.FAMILY, page, module.LEADS_TO, module.find, symptom, changes))
        except Exception as error:
            rules.append(_broken(name, error))
    return tuple(rules)


def _broken(name: str, error: Exception) -> Rule:
    """A rule in place of one that can't be loaded: the others go on, and the report names it."""

    def find(signals: Signals) -> Iterator[Finding]:
        raise error

    return Rule(name, "broken", f"This rule cannot be loaded ({type(error).__name__}: {error}).", (), find)


def rule_named(name: str) -> Rule:
    """The rule of that name. Raises UserError, with the nearest names, when there is none."""
    rules = {rule.name: rule for rule in all_rules()}
    if name not in rules:
        near = difflib.get_close_matches(name, rules, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; `headtorch explain` lists them"
        raise UserError(f"there is no rule '{name}'{hint}")
    return rules[name]


def chosen(select: Sequence[str], ignore: Sequence[str]) -> tuple[Rule, ...]:
    """The rules to run: the selected ones, or all, without the ignored ones. Raises UserError for an unknown name."""
    kept = [rule_named(name) for name in select] or list(all_rules())
    left_out = {rule_named(name).name for name in ignore}
    return tuple(rule for rule in kept if rule.name not in left_out)
