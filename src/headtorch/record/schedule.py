"""Which steps are looked at: every one of the first hundred, then fewer, never less than one in a hundred.

The schedule counts the steps of one objective and depends on nothing else, so two recordings of one training hold the
same steps. The strides are primes, so that they do not fall in step with the number of batches in an epoch. A looked-at
step of a small MLP costs about a fifth of it (HOOKS.md, 3b); a stride of 17 brings that to about 1 %.
"""

from __future__ import annotations

DENSE = 100
STRIDES = ((1_000, 53),)
LAST_STRIDE = 97


def looked_at(step: int) -> bool:
    """Whether the `step`-th step of an objective, counted from 0, is looked at."""
    if step < DENSE:
        return True
    for end, stride in STRIDES:
        if step < end:
            return step % stride == 0
    return step % LAST_STRIDE == 0
