"""Pairs: two versions of the sources, run from the same seeds; a change that won on one seed is confirmed on others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from headtorch import changes
from headtorch.model import Change, Outcome, Tried
from headtorch.trials.orders import Backend, Limit, Ran, Trial
from headtorch.trials.verdict import Pair, compare

Texts = Mapping[str, str]


class Version(NamedTuple):
    """Changed texts, and the runs that are there by seed."""

    texts: Texts
    runs: dict[int, Ran]


class Pairs:
    """Confirms; `afford` raises where so many more runs may not be made."""

    def __init__(
        self,
        backend: Backend,
        seeds: int,
        jobs: int,
        afford: Callable[[int], None],
        say: Callable[[str], None],
    ) -> None:
        self._backend = backend
        self._seeds = seeds
        self._jobs = jobs
        self._afford = afford
        self._say = say

    def confirm(
        self, change: Change, first: Pair, before: Version, after: Version, limit: Limit
    ) -> tuple[Outcome, list[Pair], str]:
        """The verdict of the other seeds, the pairs of all with the first, and why it is no gain."""
        pairs = [first]
        together = max(1, self._jobs // 2)
        for seed in range(1, self._seeds):
            if (seed - 1) % together == 0:
                self._both(range(seed, min(seed + together, self._seeds)), change, before, after, limit)
            old, new = before.runs[seed], after.runs[seed]
            pair = compare(old, new, alters_loss=change.alters_loss)
            if pair is None or pair.measure != first.measure:
                late = "time" in (old.stopped, new.stopped)
                why = "it took too long" if late else no_measure(change)
                return "TRIED, NO GAIN", pairs, f"seed {seed + 1}: {why}"
            pairs.append(pair)
            if not pair.clear:
                return "TRIED, NO GAIN", pairs, f"no clear gain on seed {seed + 1}"
        return "VERIFIED", pairs, ""

    def _both(self, seeds: range, change: Change, before: Version, after: Version, limit: Limit) -> None:
        """Run both versions from some seeds, as many at once as there may be."""
        which = f"seed {seeds[0] + 1}" if len(seeds) == 1 else f"seeds {seeds[0] + 1} to {seeds[-1] + 1}"
        self._say(f"confirming on {which} of {self._seeds}: {change.sentence}")
        wanted = [(version, seed) for seed in seeds for version in (before, after) if seed not in version.runs]
        self._afford(len(wanted))
        with ThreadPoolExecutor(self._jobs) as pool:
            try:
                runs: list[Future[Ran]] = [
                    pool.submit(self._backend.run, Trial(version.texts, seed, limit)) for version, seed in wanted
                ]
                for (version, seed), future in zip(wanted, runs, strict=True):
                    version.runs[seed] = future.result()
            except KeyboardInterrupt:
                self._backend.close()
                raise


def told(
    change: Change, texts: Texts, current: Texts, pairs: list[Pair], steps: int, why: str, verdict: Outcome
) -> Tried:
    """What pairs have shown of a change, as it is reported."""
    return Tried(
        verdict=verdict,
        why=why,
        change=change.sentence,
        diff="".join(changes.diff(current[file], text, Path(file).name) for file, text in texts.items()),
        measure=pairs[0].measure if pairs else "",
        before=tuple(pair.before for pair in pairs),
        after=tuple(pair.after for pair in pairs),
        floor=pairs[0].floor if pairs else None,
        steps=steps,
    )


def no_measure(change: Change) -> str:
    """Why nothing can be compared."""
    if change.alters_loss:
        return "it makes another loss of it, and the script shows nothing else to compare by"
    return "the two runs show no measure that both share"


def failing(ran: Ran) -> str:
    """What a script that failed does, as a sentence's end."""
    return ran.failed if ran.failed.startswith("died") else f"ends with {ran.failed}"
