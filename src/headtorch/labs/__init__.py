"""The labs: one file a lab, found by scanning this folder; nothing else is edited to add one.

A lab is a small, real experiment that shows one concept. Its module is named after it, `dense_layer.py` for
`dense-layer`; its docstring is its page: a headline, the concept in four sentences, and a paragraph for each of the
`LEADS`. It has

    PLACE       its number in the reading order
    RULES       the names of the rules whose findings it lets one understand
    SAYS        for settings that fail, as `knob=value&knob=value`, the rule that headtorch finds; not where none fails
    Knobs       a frozen dataclass of `kit.knob`s: what can be turned, with its ranges
    frames      a generator from Knobs to `kit.Frame`s: the picture and the numbers as they come, each frame whole
    CLAIMS      `kit.Claim`s about the numbers of its experiment
    experiment  from a seed, and whether in full or in the small setting of the tests, to these numbers

A generator can be closed between two frames. This module reads the pages without running the labs, so without torch.
"""

from __future__ import annotations

import ast
import difflib
import importlib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from headtorch.model import UserError

LEADS = ("Question:", "Answer:", "Sources:")


class Lab(NamedTuple):
    """A lab as its file describes it."""

    name: str
    place: int
    page: str
    rules: tuple[str, ...]
    says: dict[str, str]
    source: str

    @property
    def headline(self) -> str:
        """What one can play with, in one sentence: the first line of the page."""
        return self.page.partition("\n")[0]

    @property
    def concept(self) -> str:
        """The concept in four sentences."""
        return " ".join(self.page.split("\n\n")[1].split())

    def paragraph(self, lead: str) -> str:
        """The paragraph that begins with one of `LEADS`."""
        parts = [" ".join(part.split()) for part in self.page.split("\n\n")]
        return next(part.removeprefix(lead).lstrip() for part in parts if part.startswith(lead))


@cache
def all_labs() -> tuple[Lab, ...]:
    """Every lab, in the reading order."""
    files = [path for path in Path(__path__[0]).glob("*.py") if path.stem != "__init__"]
    return tuple(sorted((_read(path) for path in files), key=lambda lab: lab.place))


def lab_named(name: str) -> Lab:
    """The lab of that name. Raises UserError, with the nearest names, when there is none."""
    labs = {lab.name: lab for lab in all_labs()}
    if name not in labs:
        near = difflib.get_close_matches(name, labs, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; `headtorch lab` lists them"
        raise UserError(f"there is no lab '{name}'{hint}")
    return labs[name]


def labs_of(rule: str) -> tuple[Lab, ...]:
    """The labs that belong to a rule, in the reading order."""
    return tuple(lab for lab in all_labs() if rule in lab.rules)


def loaded(lab: Lab) -> ModuleType:
    """The module of `lab`, ready to run. Raises UserError where a package that it needs is missing."""
    try:
        module = importlib.import_module(f"{__name__}.{lab.name.replace('-', '_')}")
        import torch
    except ModuleNotFoundError as error:
        raise UserError(f"the lab '{lab.name}' needs {error.name}: install torch and `headtorch[labs]`") from error
    torch.set_num_threads(1)  # the labs are small: more threads would only wait for each other
    return module


def _read(path: Path) -> Lab:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    said: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("PLACE", "RULES", "SAYS"):
                said[name] = ast.literal_eval(node.value)
    page = ast.get_docstring(tree) or ""
    return Lab(path.stem.replace("_", "-"), said["PLACE"], page, said["RULES"], said.get("SAYS", {}), source)
