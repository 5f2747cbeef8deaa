"""Vocabularies that are made once, shared, or made again for what is evaluated."""

from __future__ import annotations

import pytest

from headtorch.model import Where
from headtorch.places import Places
from headtorch.places.vocabularies import numbered_again

FILE = "train.py"
FUNCTION = (
    "def vocabulary(texts):\n    return {word: n for n, word in enumerate(sorted({w for t in texts for w in t}))}\n"
)
METHOD = (
    "class Words:\n    def fit(self, texts):\n        for text in texts:\n            self.ids[text] = len(self.ids)\n"
)
SPARED = (
    "class Words:\n    def fit(self, texts, ids=None):\n        if ids is None:\n"
    "            ids = {word: n for n, word in enumerate(texts)}\n        self.ids = ids\n"
)
DATA_SET = (
    "class Texts:\n    def __init__(self, texts, ids=None):\n        if ids is None:\n            ids = {}\n"
    "            for text in texts:\n                ids.setdefault(text, len(ids))\n        self.ids = ids\n"
)


def again(source: str) -> str | None:
    """The line that numbers words again, where the last line of a source makes what is evaluated."""
    lines = source.splitlines()
    place = numbered_again(Places({FILE: source}), Where(FILE, len(lines)))
    return lines[place.line - 1] if place is not None else None


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            FUNCTION + "known = vocabulary(train)\nheld = encode(test, vocabulary(test))",
            "held = encode(test, vocabulary(test))",
        ),
        (METHOD + "words = Words()\nwords.fit(train)\nwords.fit(test)\nheld = words.encode(test)", "words.fit(test)"),
        (DATA_SET + "known = Texts(train)\nheld = Texts(test)", "held = Texts(test)"),
    ],
)
def test_a_vocabulary_of_its_own(source: str, line: str) -> None:
    assert again(source) == line


@pytest.mark.parametrize(
    "source",
    [
        FUNCTION + "known = vocabulary(train)\nheld = encode(test, known)",
        METHOD + "words = Words()\nwords.fit(train)\nheld = words.encode(test)",
        DATA_SET + "known = Texts(train)\nheld = Texts(test, known.ids)",
        SPARED + "words = Words()\nwords.fit(train)\nwords.fit(test, words.ids)\nheld = words.encode(test)",
        DATA_SET + "known = Texts(train)\nheld = Texts(test, ids=known.ids)",
        FUNCTION + "french, german = vocabulary(left), vocabulary(right)\nheld = encode(test, french)",
        "known = load(train)\nheld = load(test)",
    ],
)
def test_a_shared_vocabulary(source: str) -> None:
    assert again(source) is None
