"""Learning rate: a range test, and where the script's own rate lies in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headtorch.exams import Training
from headtorch.signals.fit import thin
from headtorch.trials.interventions import SWEEP, rate

TITLE = "learning rate"
INTERVENTION, STEPS = "sweep", SWEEP
FELL = 0.1  # of the whole fall: from there on a rate does something
FAR_BELOW = 10.0  # times: the sweep has only a few steps at each rate, a training has many
SMOOTH = 5  # steps


def judge(plain: Training, own: Training) -> tuple[str, str, tuple[float, ...]]:
    """Fails where no rate lowers the loss, or the script's own lies outside of those that do."""
    if not own.ran.intervened or own.fit is None or plain.fit is None:
        return "open", "no optimizer of torch.optim takes a step", ()
    losses = smooth(own.fit.losses)
    curve = thin(losses, 24)
    falls = usable(losses)
    if falls is None:
        return "fails", f"no rate from {rate(0):.0e} to {rate(STEPS - 1):.0f} lowers the loss", curve
    low, high = falls
    words = f"the loss falls from {low:.1g} to {high:.1g}"
    rates = [float(np.nanmax(series.values[0])) for series in plain.fit.rates.values() if series]
    if not rates:
        return "shown", words, curve
    mine = max(rates)
    if mine > high:
        return "fails", f"{words}; yours, {mine:g}, is above", curve
    if mine < low / FAR_BELOW:
        return "fails", f"{words}; yours, {mine:g}, is far below", curve
    return "passes", f"{words}; yours is {mine:g}", curve


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
