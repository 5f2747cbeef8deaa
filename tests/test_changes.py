"""changes: edits of source text keep comments and layout, also in odd sources."""

from __future__ import annotations

import pytest

from headtorch import changes
from headtorch.changes import (
    CannotEditError,
    delete,
    insert_after,
    insert_before,
    insert_item,
    number_at,
    replace,
    set_argument,
    set_operator,
    set_value,
    unconditional,
    unwrap,
)
from headtorch.model import Edit, Where

FILE = "train.py"
SOURCE = """\
import torch
from torch import nn

RATE = 30.0  # far too much
net = nn.Sequential(
    nn.Linear(2, 3),  # the first
    nn.Softmax(dim=1),  # not needed
)
opt = torch.optim.SGD(net.parameters(), lr=10.0)  # the rate
opt2 = torch.optim.Adam(
    net.parameters(),
    weight_decay=RATE,
)

for x in data:
\t# the loss

\tloss = f(x); loss.backward()
\topt.step()  # a step
\tw += 0.1 * g
if x: loss.backward()
def forward(x):
    return x.softmax(1)
"""


def place(text: str, source: str = SOURCE, nth: int = 0) -> Where:
    """Where a text stands."""
    at = -1
    for _ in range(nth + 1):
        at = source.index(text, at + 1)
    before, end = source[:at], source[: at + len(text)]
    return Where(
        FILE,
        before.count("\n") + 1,
        at - before.rfind("\n"),
        len(end) - end.rfind("\n"),
        end.count("\n") + 1,
    )


def changed(*edits: Edit, source: str = SOURCE) -> str:
    """The lines that edits take away and add."""
    (text,) = changes.apply({FILE: source}, edits).values()
    lines = changes.diff(source, text, FILE).splitlines()[2:]
    return "\n".join(line for line in lines if not line.startswith("@@"))


@pytest.mark.parametrize(
    ("edit", "lines"),
    [
        (set_value(place("lr=10.0"), "0.1"), ("10.0)", "0.1)")),
        (set_value(place("RATE = 30.0"), "1e-3"), ("30.0", "1e-3")),
    ],
)
def test_a_value_changes_where_it_is_written(edit: Edit, lines: tuple[str, str]) -> None:
    taken, added = changed(edit).split("\n")
    assert added[1:] == taken[1:].replace(*lines)


def test_an_argument_is_added_in_the_layout_of_the_call() -> None:
    short = place("torch.optim.SGD(net.parameters(), lr=10.0)")
    assert "+opt = torch.optim.SGD(net.parameters(), lr=10.0, momentum=0.9)  # the rate" in changed(
        set_argument(short, "momentum", "0.9")
    )
    long = place("torch.optim.Adam(\n    net.parameters(),\n    weight_decay=RATE,\n)")
    assert changed(set_argument(long, "lr", "0.1")) == "+    lr=0.1,"
    assert changed(set_value(long, "0.1", "lr")) == "+    lr=0.1,"


def test_a_function_is_left_out_and_a_layer_leaves_its_list() -> None:
    assert changed(unwrap(place("x.softmax(1)"))) == "-    return x.softmax(1)\n+    return x"
    assert changed(unwrap(place("nn.Softmax(dim=1)"))) == "-    nn.Softmax(dim=1),  # not needed"
    one_line = "net = nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))\n"
    assert "+net = nn.Sequential(nn.Linear(2, 3))" in changed(
        unwrap(place("nn.Softmax(dim=1)", one_line)), source=one_line
    )
    attribute = "import torch\nself.last = torch.nn.Softmax(dim=1)\n"
    assert "+self.last = torch.nn.Identity()" in changed(
        unwrap(place("torch.nn.Softmax(dim=1)", attribute)), source=attribute
    )


def test_statements_keep_the_tabs_comments_and_semicolons_around_them() -> None:
    assert changed(insert_after(place("opt.step()"), "opt.zero_grad()")) == "+\topt.zero_grad()"
    between = changed(insert_before(place("loss.backward()"), "opt.zero_grad()"))
    assert between.endswith("+\tloss = f(x); opt.zero_grad(); loss.backward()")
    in_line = changed(insert_before(place("loss.backward()", nth=1), "opt.zero_grad()"))
    assert in_line.endswith("+if x: opt.zero_grad(); loss.backward()")
    assert changed(insert_before(place("for x in data"), "net.train()")) == "+net.train()"
    assert changed(delete(place("opt.step()"))) == "-\topt.step()  # a step"
    assert changed(delete(place("return x.softmax(1)"))).endswith("+    pass")


def test_an_expression_is_put_around_another() -> None:
    assert changed(replace(place("nn.Linear(2, 3)"), "torch.nn.Sequential({}, {0})")).endswith(
        "+    nn.Sequential(nn.Linear(2, 3), 2),  # the first"
    )
    assert "+    return torch.sigmoid(x)" in changed(replace(place("x.softmax(1)"), "torch.sigmoid({self})"))
    assert "nn.Linear(2, 3), nn.ReLU(),  # the first" in changed(
        insert_item(place("nn.Linear(2, 3)"), "torch.nn.ReLU()")
    )
    assert changed(set_operator(place("w += 0.1 * g"), "-=")).endswith("+\tw -= 0.1 * g")


def test_several_edits_of_a_file_know_the_places_of_the_original() -> None:
    text = changed(
        insert_before(place("RATE = 30.0"), "SEED = 0"),
        set_value(place("lr=10.0"), "0.1"),
        delete(place("opt.step()")),
    )
    assert [line for line in text.splitlines() if line.startswith("+")] == [
        "+SEED = 0",
        "+opt = torch.optim.SGD(net.parameters(), lr=0.1)  # the rate",
    ]


@pytest.mark.parametrize(
    ("imports", "written"),
    [
        ("import torch.nn as N\nimport torch", "N.ReLU()"),
        ("import torch", "torch.nn.ReLU()"),
        ("import torch as T", "T.nn.ReLU()"),
        ("import torch\nfrom torch import optim, nn", "nn.ReLU()"),
    ],
)
def test_code_is_written_in_the_names_that_the_file_imports(imports: str, written: str) -> None:
    source = f"{imports}\nx = old\n"
    assert f"+x = {written}" in changed(replace(place("old", source), "torch.nn.ReLU()"), source=source)


def test_what_does_not_fit_is_refused() -> None:
    for edit in (
        set_value(Where(FILE, 99, 1, 5), "1"),
        set_value(place("lr=10.0"), "10.0"),
        insert_after(place("opt.step()"), "for"),
        set_operator(place("opt.step()"), "-="),
        replace(Where("other.py", 1, 1, 2), "1"),
    ):
        with pytest.raises(CannotEditError):
            changes.apply({FILE: SOURCE}, [edit])
    with pytest.raises(CannotEditError, match="import torch"):
        changes.apply({FILE: "x = old\n"}, [replace(place("old", "x = old\n"), "torch.relu({})")])
    with pytest.raises(CannotEditError, match="parsed"):
        changes.apply({FILE: "x = (\n"}, [delete(Where(FILE, 1, 1, 2))])


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_line_ends_wide_characters_and_a_missing_last_one_stay(end: str) -> None:
    source = f"# Größe 数{end}Σ, lr = '数据', 10.0{end}x = f(Σ, lr=10.0)"
    text = changes.apply({FILE: source}, [set_value(Where(FILE, 3, 10, 17, 3), "0.1")])[FILE]
    assert text == source.replace("lr=10.0", "lr=0.1")


def test_numbers_are_read_where_they_are_written() -> None:
    sources = {FILE: SOURCE}
    assert number_at(sources, place("lr=10.0")) == 10.0
    assert number_at(sources, place("RATE = 30.0")) == 30.0
    assert number_at(sources, place("opt.step()")) is None


def test_a_statement_loses_its_condition() -> None:
    text = "for p in ps:\n    # as told\n    if p.on:  # these\n        p.on = False  # off\n        p.n = 0\n    q()\n"
    (edited,) = changes.apply({FILE: text}, [unconditional(Where(FILE, 4, 9, 21))]).values()
    assert edited == "for p in ps:\n    # as told\n    p.on = False  # off\n    p.n = 0\n    q()\n"
    (edited,) = changes.apply({FILE: "if a: b = 1\n"}, [unconditional(Where(FILE, 1, 7, 12))]).values()
    assert edited == "b = 1\n"
    for other in ("if a:\n    b = 1\nelse:\n    c = 1\n", "if x:\n    b = 1\nelif a:\n    b = 2\n", "b = 1\n"):
        line = other.count("b = 2") * 2 + 2 if "if" in other else 1
        with pytest.raises(CannotEditError):
            changes.apply({FILE: other}, [unconditional(Where(FILE, line, None, None))])
