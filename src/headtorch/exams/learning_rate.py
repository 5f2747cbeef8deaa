"""Learning rate: a range test, and where the script's own rate lies in it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from headtorch.exams import Training
from headtorch.model import Examined
from headtorch.signals.course import thin
from headtorch.trials.interventions import SWEEP, rate

TITLE = "learning rate"
INTERVENTION, STEPS = "sweep", SWEEP
FELL = 0.1  # of the whole fall: from there on a rate does something
FAR_BELOW = 10.0  # times: the sweep has only a few steps at each rate, a training has many
SMOOTH = 5  # steps
State = Literal["passes", "fails", "shown"]


def judge(plain: Training, own: Training) -> Examined:
    """Fails where no rate lowers the loss, or the script's own lies outside of those that do."""
    if not own.ran.intervened or own.fit is None or plain.fit is None:
        return Examined(TITLE, "open", "no optimizer of torch.optim takes a step")
    losses = smooth(own.fit.losses)
    start = float(np.median(losses[:SMOOTH]))
    curve = thin(np.minimum(losses, start + 0.5 * abs(start)), 24)  # a leap at the end would flatten all the rest
    ends = f"{rate(0):.0e}", f"{rate(STEPS - 1):g}"
    rates = [float(np.nanmax(series.values[0])) for series in plain.fit.rates.values() if series]
    state, words = _judged(usable(losses), max(rates, default=None))
    return Examined(TITLE, state, words, curve, ends)


def _judged(falls: tuple[float, float] | None, mine: float | None) -> tuple[State, str]:
    if falls is None:
        return "fails", f"no rate from {rate(0):.0e} to {rate(STEPS - 1):g} lowers the loss"
    low, high = falls
    words = f"in {STEPS} steps that raise it, the loss begins to fall at {low:.1g} and is lowest at {high:.1g}"
    if mine is None:
        return "shown", words
    if mine > high:
        return "fails", f"{words}; yours, {mine:g}, is above that"
    if mine < low / FAR_BELOW:
        return "fails", f"{words}; yours, {mine:g}, is far below"
    if mine < low:
        return "passes", f"{words}; yours, {mine:g}, is a little below, where it takes more steps"
    return "passes", f"{words}; yours is {mine:g}"


def smooth(losses: NDArray[np.floating]) -> NDArray[np.floating]:
    """The running median, (steps,)."""
    half = SMOOTH // 2
    return np.array([np.median(losses[max(0, i - half) : i + half + 1]) for i in range(len(losses))])


def usable(losses: NDArray[np.floating]) -> tuple[float, float] | None:
    """The rates between the first that lowers the loss and the one at which it is lowest."""
    finite = np.where(np.isfinite(losses), losses, np.inf)
    start, best = float(np.median(finite[:SMOOTH])), int(np.argmin(finite))
    noise = float(np.std(losses[: len(losses) // 3]))  # where the rates are too small to matter
    fall = start - float(finite[best])
    if not np.isfinite(start) or fall <= 3 * noise + 1e-3 * abs(start):
        return None
    begin = int(np.flatnonzero(finite < start - max(FELL * fall, noise))[0])
    return rate(begin), rate(best)
