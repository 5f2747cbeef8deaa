"""Writes docs/labs/: each lab run with its knobs as they stand, its claims measured in full. Run by `make labs`.

`python docs/labs.py NAME...` renews the pages of these labs alone, and the first page.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from urllib.parse import parse_qsl

from headtorch.figures import Figure, Picture, Table
from headtorch.figures.svg import svg_file
from headtorch.labs import Lab, all_labs, loaded
from headtorch.labs.kit import Claim, Frame, final
from headtorch.labs.kit.knobs import knobs_of, turned
from headtorch.labs.kit.words import BEGINNING, WORDS
from headtorch.render.numbers import figure

FOLDER = Path(__file__).resolve().parent / "labs"
SEEDS = (0, 1, 2)
MADE = "made by `make labs` from src/headtorch/labs/: change the labs"
SETTINGS = (
    "Measured with three seeds; the settings are in `experiment` in the code, and not always those of the pictures."
)
ABOUT = """
Each lab is a small, real experiment on one concept. Its page has the concept in four sentences, a question to answer
before you read on, the picture, what was measured, and the code, which is meant to be read.

    headtorch lab                                         # the list
    headtorch lab learning-rate                           # run one in the terminal
    headtorch lab learning-rate --set rate=2              # turn a knob

The labs need `headtorch[labs]` beside torch. Read them in this order; a lab uses what those before it have shown.
Who has not yet trained a network reads the [words](#words) first.
Each claim is measured with three seeds, and the middle value stands with the lowest and the highest. `make
test-labs` checks the same claims in a smaller setting."""


def write(lab: Lab) -> None:
    """The page of a lab and its figures."""
    module = loaded(lab)
    for old in FOLDER.glob(f"{lab.name}-[0-9]*.svg"):
        old.unlink()
    shown = {
        setting: final(module.frames(turned(module.Knobs, dict(parse_qsl(setting)))))
        for setting in getattr(module, "SHOWN", ("",))
    }
    measured = [module.experiment(seed, True) for seed in SEEDS]
    (FOLDER / f"{lab.name}.md").write_text(page(lab, module.Knobs, shown, module.CLAIMS, measured), encoding="utf-8")


def page(
    lab: Lab, knobs: type, shown: dict[str, Frame], claims: tuple[Claim, ...], measured: list[dict[str, float]]
) -> str:
    """The page of a lab; writes its figures."""
    parts = [f"<!-- {MADE} -->", f"# {lab.place}. {lab.name}", f"*{lab.headline}*", lab.concept]
    parts += [f"**Question:** {lab.paragraph('Question:')}", "## The picture"]
    drawn: list[Figure] = []
    for setting, frame in shown.items():
        if setting:
            parts.append(f"### `{setting.replace('&', ' ')}`")
        for each in frame.figures:
            if each not in drawn:
                drawn.append(each)
                parts.append(_table(each) if isinstance(each, Table) else _picture(lab, each, len(drawn)))
        head = ["| measured with the knobs so | |", "| --- | --- |"]
        parts.append("\n".join(head + [f"| {n} | {figure(v)} |" for n, v in frame.numbers.items()]))
    parts += ["## The answer", lab.paragraph("Answer:"), "## What is claimed, and measured"]
    parts.append(
        "Measured with three seeds; the settings are in `experiment` in the code, and not always those of the pictures."
    )
    head = ["| claim | must be | measured | lowest to highest |", "| --- | --- | --- | --- |"]
    parts.append("\n".join(head + [claim_row(claim, measured) for claim in claims]))
    parts.append("## The knobs")
    rows = [f"| `{each.name}` | {each.default} | {each.says} | {each.allowed} |" for each in knobs_of(knobs)]
    parts.append("\n".join(["| knob | stands at | what it is | takes |", "| --- | --- | --- | --- |", *rows]))
    turn = next(iter(shown)).replace("&", " --set ") or f"{knobs_of(knobs)[0].name}={knobs_of(knobs)[0].default}"
    parts.append(f"Turn them by `headtorch lab {lab.name} --set {turn}`, or on the page of `headtorch view`.")
    if lab.says:
        told = [f"- `{setting.replace('&', ' ')}`: [{rule}](../rules/{rule}.md)" for setting, rule in lab.says.items()]
        parts += ["## What headtorch finds in such a training", "\n".join(told)]
    parts.append(f"**Rules:** {', '.join(f'[{rule}](../rules/{rule}.md)' for rule in lab.rules)}.")
    code = lab.source[lab.source.index("from __future__") :].strip()  # what stands before it has been read
    parts += [f"**Sources:** {lab.paragraph('Sources:')}", "## The code", f"```python\n{code}\n```"]
    return "\n\n".join([*parts, "[All labs](README.md), [words](README.md#words)"]) + "\n"


def _picture(lab: Lab, drawing: Figure, number: int) -> str:
    name = f"{lab.name}-{number}.svg"
    # Its widths are shares of what it stands in; alone in a file it needs a width of its own.
    height = 280 if isinstance(drawing, Picture) else None
    (FOLDER / name).write_text(
        svg_file(drawing, height).replace('width="100%"', 'width="720"', 1) + "\n", encoding="utf-8"
    )
    return f"![{drawing.title}]({name})\n\n*{drawing.title}*"


def claim_row(claim: Claim, measured: list[dict[str, float]]) -> str:
    """A claim with what was measured."""
    values = [numbers[claim.number] for numbers in measured]
    failed = "" if all(map(claim.holds, values)) else " **does not hold**"
    low, middle, high = (figure(value) for value in (min(values), statistics.median(values), max(values)))
    return f"| {claim.sentence} | {claim.bounds} | {middle}{failed} | {low} to {high} |"


def first_page() -> str:
    """The list of the labs in the reading order."""
    rows = [f"{lab.place}. [{lab.name}]({lab.name}.md): {lab.headline}" for lab in all_labs()]
    words = [f"- **{word}**: {meaning}" for word, meaning in WORDS.items()]
    parts = [f"<!-- {MADE} -->", "# The labs", ABOUT.strip(), "\n".join(rows)]
    return "\n\n".join([*parts, "## Words", BEGINNING, "\n".join(words)]) + "\n"


def _table(table: Table) -> str:
    lines = [table.headings, tuple("---" for _ in table.headings), *table.rows]
    return f"{table.title}:\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for lab in all_labs():
        if lab.name in (sys.argv[1:] or [each.name for each in all_labs()]):
            write(lab)
            print(f"{lab.name} written", flush=True)
    (FOLDER / "README.md").write_text(first_page(), encoding="utf-8")
