"""Renews what README.md and CONTRIBUTING.md take from the project itself. Run by `make docs`.

Such a part stands between `<!-- NAME -->` and `<!-- end of NAME -->`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from headtorch.rules import all_rules

ROOT = Path(__file__).resolve().parent.parent
DEMO = ("headtorch", "run", "examples/iris.py", "--lr", "2")
EPOCHS_SHOWN = 3


def rules() -> str:
    """A table of the rules of each family, with the first line of each rule's page."""
    families: dict[str, list[str]] = {}
    for rule in all_rules():
        families.setdefault(rule.family, []).append(f"| `{rule.name}` | {rule.page.splitlines()[0]} |")
    return "\n\n".join("\n".join([f"| **{family}** | |", "| --- | --- |", *rows]) for family, rows in families.items())


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
