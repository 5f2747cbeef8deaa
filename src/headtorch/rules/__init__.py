"""The rules: one file a rule, found by scanning this folder; nothing else is edited to add one.

A rule's module is named after it, `dead_relu.py` for `dead-relu`. Its docstring is its page in the catalogue. It has

    LEADS_TO    the names of the rules whose findings follow from its own
    find        a function from Signals to its findings, each with evidence and the line to change

How sure a finding is stands in its confidence, of three ranks: 0.95 and above for what is certain from the graph, the
mode, the parameter lists or the shapes; about 0.8 for what the dynamics of a whole training show; 0.6 and below for a
symptom that several causes share.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from headtorch.model import Finding
from headtorch.signals import Signals


class Rule(NamedTuple):
    """A rule: its name, its page in the catalogue, what follows from it, and how it finds."""

    name: str
    page: str
    leads_to: tuple[str, ...]
    find: Callable[[Signals], Iterator[Finding]]


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, by name."""
    rules = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        rules.append(Rule(info.name.replace("_", "-"), module.__doc__ or "", module.LEADS_TO, module.find))
    return tuple(rules)
