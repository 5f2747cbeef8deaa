"""Renews what README.md, CONTRIBUTING.md and docs/rules/ take from the project itself. Run by `make docs`.

In the first two such a part stands between `<!-- NAME -->` and `<!-- end of NAME -->`; docs/rules/ is written whole.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from headtorch.labs import labs_of
from headtorch.rules import Rule, all_rules

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "docs" / "rules"
DEMO = ("headtorch", "run", "examples/iris.py", "--lr", "2")
EPOCHS_SHOWN = 3
MADE = "made by `make docs` from the docstrings in src/headtorch/rules/: change those"
ABOUT_RULES = """
Each page says what a rule names, why learning fails, what is measured, what is healthy, how it is fixed and when to
ignore it, and shows a script that has the fault. `headtorch explain NAME` prints the same in a terminal.

Behind each healthy range and each threshold stands what it rests on: a *derivation*; a *source*, the authors and the
year, listed in [sources](../sources.md); or *measured over 119 healthy trainings*, with the figures in
[what healthy trainings measure](../healthy.md). *Chance* is the loss of the best constant answer: the entropy of the
classes, or the variance of the targets."""


def rules() -> str:
    """A table of the rules of each family, with the first line of each rule's page and a link to it."""
    tables = []
    for family, members in _families().items():
        rows = [f"| [`{rule.name}`](docs/rules/{rule.name}.md) | {_plain(rule.headline)} |" for rule in members]
        tables.append("\n".join([f"| **{family}** | |", "| --- | --- |", *rows]))
    return "\n\n".join(tables)


def demo() -> str:
    """What `make demo` prints, most of the epochs left out."""
    done = subprocess.run([sys.executable, "-m", *DEMO], cwd=ROOT, capture_output=True, text=True, check=True)
    epochs: list[str] = []
    rest: list[str] = []
    for line in done.stdout.splitlines():
        (epochs if line.startswith("epoch") else rest).append(line)
    lines = [f"$ {' '.join(DEMO)}", *epochs[:EPOCHS_SHOWN], "...", epochs[-1], *rest, done.stderr]
    return _fenced("text", "\n".join(lines))


def example_rule() -> str:
    """A rule to copy from."""
    return _fenced("python", (ROOT / "src/headtorch/rules/broadcast_loss.py").read_text(encoding="utf-8"))


def example_demo() -> str:
    """The demo of that rule."""
    return _fenced("python", (ROOT / "src/headtorch/demos/broadcast_loss.py").read_text(encoding="utf-8"))


def catalogue() -> dict[str, str]:
    """The pages of docs/rules/, by file name: one for each rule, and the list of them."""
    return {"README.md": _list_of_rules(), **{f"{rule.name}.md": _page(rule) for rule in all_rules()}}


def _list_of_rules() -> str:
    parts = [f"<!-- {MADE} -->", "# The rules", ABOUT_RULES.strip()]
    for family, members in _families().items():
        parts.append(f"## {family[0].upper()}{family[1:]}")
        parts.append("\n".join(f"- [`{rule.name}`]({rule.name}.md): {_plain(rule.headline)}" for rule in members))
    return "\n\n".join(parts) + "\n"


def _page(rule: Rule) -> str:
    parts = [f"<!-- {MADE} -->", f"# {rule.name}", f"*{_plain(rule.headline)}*"]
    parts += [f"**{lead}** {_plain(text)}" for lead, text in rule.paragraphs]
    if rule.leads_to:
        parts.append(f"**What can follow from it:** {', '.join(f'[{name}]({name}.md)' for name in rule.leads_to)}.")
    if labs := labs_of(rule.name):
        links = ", ".join(f"[{lab.name}](../labs/{lab.name}.md)" for lab in labs)
        parts.append(f"**Play with it:** {links}.")
    demo = (ROOT / "src/headtorch/demos" / f"{rule.name.replace('-', '_')}.py").read_text(encoding="utf-8")
    line = next((n for n, text in enumerate(demo.splitlines(), 1) if f"# expect: {rule.name}" in text), 0)
    parts.append("## Example")
    parts.append(
        f"`headtorch explain {rule.name} --demo` runs this script and points at line {line}, the one with `# expect:`. "
        "What follows `# cure:` mends it."
    )
    parts.append(_fenced("python", demo))
    parts.append("[All rules](README.md)")
    return "\n\n".join(parts) + "\n"


def _families() -> dict[str, list[Rule]]:
    families: dict[str, list[Rule]] = {}
    for rule in all_rules():
        families.setdefault(rule.family, []).append(rule)
    return families


def _plain(text: str) -> str:
    """Text of a docstring as Markdown that shows the same: nothing but what stands in backticks is markup."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([\\_*<>|#~\[\]])", r"\\\1", part) for part in parts)


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.strip()}\n```"


PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"rules": rules, "demo": demo},
    "CONTRIBUTING.md": {"example rule": example_rule, "example demo": example_demo},
}


def renewed(page: str, name: str, content: str) -> str:
    """A page with another content of one part."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    return pattern.sub(lambda part: f"{part[1]}{content}\n{part[2]}", page)


if __name__ == "__main__":
    for file, parts in PARTS.items():
        page = (ROOT / file).read_text(encoding="utf-8")
        for name, make in parts.items():
            page = renewed(page, name, make())
        (ROOT / file).write_text(page, encoding="utf-8")
    made = catalogue()
    CATALOGUE.mkdir(exist_ok=True)
    for path in CATALOGUE.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for file, page in made.items():
        (CATALOGUE / file).write_text(page, encoding="utf-8")
