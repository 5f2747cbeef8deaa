"""Study: the Optuna study of a script, in a SQLite file; the one place that knows Optuna.

A study belongs to one text of the script and one list of arguments. Its value is the measure, or the loss below 0, so
that more is better. Each trial keeps the values of all knobs that it ran with in the attribute `values`; its parameters
are those that were searched in it. What a killed search was running is tried again.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from headtorch.model import UserError
from headtorch.trials.orders import Ran
from headtorch.trials.verdict import Pair
from headtorch.tuning.beginnings import Values
from headtorch.tuning.knobs import Knob

RANDOM = 4  # trials, before the sampler draws from what it has seen


class Asked(NamedTuple):
    """A trial that is to be run: Optuna's number of it, and the values of all knobs."""

    number: int
    values: Values


class Known(NamedTuple):
    """A trial that came to its end: its values and its pair with the script as it is."""

    values: Values
    pair: Pair


class Study:
    """A study, new or gone on with. Raises UserError where Optuna is missing or the file cannot be used."""

    def __init__(self, file: Path, name: str, *, seed: int = 0, together: bool = False) -> None:
        try:
            import optuna
        except ImportError as error:
            raise UserError("tune needs Optuna: pip install 'headtorch[search]'") from error
        from sqlalchemy.exc import SQLAlchemyError

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", module=r"optuna\.")
        self._optuna: Any = optuna
        self._running: dict[int, Any] = {}
        self.name = name
        self.file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._study: Any = optuna.create_study(
                storage=f"sqlite:///{file}",
                study_name=name,
                direction="maximize",
                load_if_exists=True,
                sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM, constant_liar=together),
            )
        except (OSError, SQLAlchemyError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"cannot keep the study in '{file}': {reason}") from error

    @property
    def steps(self) -> int | None:
        """The steps of one training, as the study began with; None for as many as the script takes."""
        found: int | None = self._study.user_attrs.get("steps")
        return found

    @steps.setter
    def steps(self, steps: int) -> None:
        self._study.set_user_attr("steps", steps)

    def __len__(self) -> int:
        return sum(trial.state.is_finished() for trial in self._study.get_trials(deepcopy=False))

    def go_on(self) -> int:
        """Put what a killed search was running in front again, and say how many trials that were."""
        states = self._optuna.trial.TrialState
        left = self._study.get_trials(deepcopy=False, states=(states.RUNNING,))
        for trial in left:
            self._study.tell(trial.number, state=states.FAIL)
            if trial.params:
                self._study.enqueue_trial(trial.params, {"searched": list(trial.params)})
        return len(left)

    def begin(self, first: Iterable[Values]) -> None:
        """Put values in front, once a study."""
        for values in first:
            self._study.enqueue_trial(values, {"searched": list(values)}, skip_if_exists=True)

    def ask(self, knobs: list[Knob], searched: Iterable[str], base: Values) -> Asked:
        """The next trial: what was put in front, else new values for the knobs that are searched."""
        trial = self._study.ask()
        names = trial.user_attrs.get("searched") or list(searched)
        values = dict(base)
        for knob in knobs:
            if knob.name in names:
                suggest = trial.suggest_int if knob.whole else trial.suggest_float
                low, high = (int(edge) for edge in (knob.low, knob.high)) if knob.whole else (knob.low, knob.high)
                values[knob.name] = knob.rounded(suggest(knob.name, low, high, log=knob.log))
        trial.set_user_attr("values", values)
        self._running[trial.number] = trial
        return Asked(trial.number, values)

    def tell(self, asked: Asked, ran: Ran, pair: Pair | None) -> None:
        """Write down what a trial brought."""
        states = self._optuna.trial.TrialState
        trial = self._running.pop(asked.number)
        trial.set_user_attr("steps", ran.steps)
        trial.set_user_attr("stopped", ran.stopped)
        for step, loss in ran.losses:
            trial.report(-loss, step)
        if pair is not None:
            trial.set_user_attr("pair", json.dumps(pair))  # NaN stays NaN
            self._study.tell(asked.number, value_of(pair))
        else:
            self._study.tell(asked.number, state=states.FAIL if ran.failed else states.PRUNED)

    def known(self) -> Iterator[Known]:
        """The trials that came to their end, in their order."""
        for trial in self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.COMPLETE,)):
            if "pair" in trial.user_attrs:
                yield Known(trial.user_attrs["values"], Pair(*json.loads(trial.user_attrs["pair"])))


def value_of(pair: Pair) -> float:
    """What a search makes as large as it can."""
    return -pair.after if pair.measure.endswith("loss") else pair.after


def name_of(script: Path, arguments: tuple[str, ...]) -> str:
    """The name of a script's study: another text or other arguments make another one."""
    digest = hashlib.sha256(script.read_bytes() + b"\0" + "\0".join(arguments).encode("utf-8", "surrogateescape"))
    return f"{script.name}-{digest.hexdigest()[:12]}"
