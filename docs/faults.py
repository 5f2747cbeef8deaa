"""Writes docs/faults.md: the faults that tests are marked with as survived. Run by `make docs`.

The mark is `@pytest.mark.survives(WHAT, THEN)`; `scenario=NAME` names the function of tests/scripts/ that shows it. It
is read from the source, so the page cannot name a test that is not there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "faults.md"
HEAD = """<!-- made by `make docs` from the marks `survives` in tests/: change those -->
# What it survives

What breaks around a training, what headtorch does then, and the test that shows it. `make test` runs them all with real
processes and real files; `make test-faults` kills a hundred trainings where `make test` kills six.

| what happens | what headtorch does | shown by |
| --- | --- | --- |
"""


class Fault(NamedTuple):
    """A fault, what headtorch does then, the test, and the scenario in it."""

    what: str
    then: str
    test: str
    scenario: str


def faults() -> Iterator[Fault]:
    """The faults that tests are marked with, in the order of the tests."""
    for path in sorted((ROOT / "tests").glob("test_*.py"), key=lambda path: (path.stem != "test_faults", path)):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for mark in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.survives":
                    assert isinstance(node, ast.FunctionDef)
                    what, then = (ast.literal_eval(value) for value in mark.args)
                    scenario = next((ast.literal_eval(each.value) for each in mark.keywords), "")
                    yield Fault(what, then, f"{path.relative_to(ROOT)}::{node.name}", scenario)


def page() -> str:
    """The page."""
    rows = []
    for fault in faults():
        file, _, name = fault.test.partition("::")
        shown = f"`{name}` in `{file}`"
        if fault.scenario:
            script = next(
                path
                for path in sorted((ROOT / "tests" / "scripts").glob("*.py"))
                if f"\ndef {fault.scenario}()" in path.read_text(encoding="utf-8")
            )
            shown = f"`{fault.scenario}` in `{script.relative_to(ROOT)}`, run by `{name}`"
        rows.append(f"| {fault.what} | {fault.then} | {shown} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
