"""What the server asks of the process that runs the labs, and what it is told."""

from __future__ import annotations

import msgspec

from headtorch.labs.kit import Claim
from headtorch.labs.kit.knobs import Knob


class Described(msgspec.Struct, frozen=True):
    """What only the loaded module of a lab says of it; `trouble` says why it cannot be loaded."""

    knobs: tuple[Knob, ...] = ()
    claims: tuple[Claim, ...] = ()
    trouble: str = ""


class Loaded(msgspec.Struct, frozen=True):
    """All labs by their names: what the process tells first, as soon as it has them."""

    labs: dict[str, Described]


class Wanted(msgspec.Struct, frozen=True):
    """An experiment with its knobs set to these texts; without a lab's name, that the running one is to be left."""

    lab: str = ""
    texts: dict[str, str] = {}


class Shown(msgspec.Struct, frozen=True):
    """A frame, drawn; `last` where no other follows, with the `trouble` that ended it early."""

    picture: str = ""
    progress: float = 1.0
    last: bool = False
    trouble: str = ""
