"""Rank: which process of a job of several this one is, as its launcher says it in the environment."""

from __future__ import annotations

import os
from typing import NamedTuple


class Rank(NamedTuple):
    """The place of a process in a job of `ranks` processes; `job` is the same in all of them."""

    rank: int
    ranks: int
    job: str


def this_rank() -> Rank | None:
    """The rank that torchrun, or a launcher that sets the same variables, gave to this process; None for one alone."""
    try:
        rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    except (KeyError, ValueError):
        return None
    # An elastic job that is started again has new processes; their run files belong together.
    names = ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RESTART_COUNT")
    job = " ".join(os.environ.get(name, "-") for name in names)
    return Rank(rank, ranks, job) if 0 <= rank < ranks and ranks > 1 else None
