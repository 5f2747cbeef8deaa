"""Places in odd and broken sources: nothing raises, and every answer lies within the source."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_places import CONTAINERS, FILE, RATES, UPDATES

from headtorch.model import Where
from headtorch.places import Places


def ask_everything(text: str, line: int, column: int | None) -> None:
    """Ask all of Places about a place; whatever it answers lies within the source."""
    places = Places({FILE: text})
    at = Where(FILE, line, column, column and column + 4, column and line)
    answers = [
        places.argument([at], "lr", position=1),
        places.argument([at, at, Where(FILE, 1)], "lr", position=1),
        places.rate_by_hand(at, [at]),
        places.container(at),
        *(place for _, place in places.calls(FILE, "SGD", "backward", "append")),
        *places.sets_attribute(FILE, "lr", "append"),
    ]
    last = max(line, text.count("\n") + text.count("\r") + 1)
    assert all(1 <= where.line <= (where.end_line or where.line) <= last for where in answers if where is not None)


odd = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SCRIPTS = [dedent(source).lstrip("\n") for source in (*RATES.values(), *UPDATES.values(), *CONTAINERS.values())]
STATEMENTS = [
    "lr = lr",
    "lr = float(lr)",
    "lr = rate",
    "rate = -lr",
    "lr: float",
    "lr, rate = 1, 2",
    "lr = rate = config['lr']",
    "config = {**config, 'lr': lr, 'rate': rate}",
    "args.lr = lr",
    "def f(lr=lr): SGD(lr=lr)",
    "def f(*, lr): f(lr=lr)",
    "f(lr)",
    "class lr: lr = lr",
    "lambda lr: SGD(w, lr=lr)",
    "lr = lambda: lr",
    "opt = SGD(w, lr=args.lr)",
    "opt = SGD(w, lr=config['lr'])",
    "opt = SGD(w, lr)",
    "opt = SGD(*lr, **lr)",
    "w -= lr * g",
    "w = w - -lr * g",
    "w.add_(g, alpha=-lr)",
    "lr[lr] = [lr]",
    "lr = []",
    "lr.append(lr)",
    "parser.add_argument(lr, dest=lr)",
    "parser.add_argument('--lr')",
    "é = 'ü'; lr = '''\n\x0c'''",
    "async def g(lr=1, /, rate=lr): return lr",
]


@odd
@given(st.lists(st.sampled_from(STATEMENTS), max_size=6), st.integers(1, 9), st.none() | st.integers(1, 12))
def test_no_source_however_odd_raises(statements: list[str], line: int, column: int | None) -> None:
    ask_everything("\n".join(statements), line, column)


@odd
@given(st.data())
def test_no_broken_source_raises(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SCRIPTS))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(st.sampled_from(SCRIPTS) | st.text(max_size=4)) + text[end:]
    ask_everything(text, data.draw(st.integers(1, 12)), data.draw(st.none() | st.integers(1, 40)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "\udc80 = 1",
        "lr = (",
        "(" * 5000,
        "lr = " + "-" * 5000 + "1",
        "lr = " + " + ".join(["lr"] * 5000),
        "x" + ".y" * 5000 + ".append(lr)",
    ],
    ids=["empty", "nul", "surrogate", "open", "nested", "signs", "sum", "attributes"],
)
def test_no_extreme_source_raises(text: str) -> None:
    ask_everything(text, 1, None)


def test_a_file_that_was_not_recorded_has_no_places() -> None:
    at = Where("/elsewhere.py", 3)
    places = Places({})
    assert places.argument([at], "lr") == at
    assert places.argument([], "lr") is None
    assert places.container(at) is None
    assert places.rate_by_hand(at, [at]) is None
