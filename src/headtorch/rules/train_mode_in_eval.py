"""Evaluation runs with dropout or batch statistics on.

Why it fails: in training mode dropout zeroes units at random, `h ← h · b / (1 − p)` with b drawn anew for each call,
and batch norm lets the other examples of the batch, and their number, into each answer. The same input gets another
answer each time, and a worse one than the network could give.

Measured: the mode of every dropout and batch norm in calls without gradient on more than one example, or on one after
the last step where batch norms were trained on more; and dropouts that the source leaves on whatever the mode is. Calls
that come with every step make targets, and are left out: those of a copy of the network, and those of a network that is
in eval mode at other times. So is a copy that ever was in eval mode, and a call right before others in eval mode,
which measures the statistics of batch norms anew.

Healthy: no evaluation in training mode (derivation: the answer is to be a function of the input; Srivastava et al.,
2014, scale the weights in place of dropping). Told when more than 9 in 10 evaluations are: some call their network
without gradient in between for good reasons.

Fix: `model.eval()` before every evaluation and `model.train()` after; `F.dropout(x, p, training=self.training)` in
place of a bare `F.dropout(x, p)`, which is on in every mode.

Ignore it when several random answers are wanted, as in Monte Carlo dropout (Gal & Ghahramani, 2016); where the same
examples are given ten times between two steps, it says nothing.
"""

import ast
from collections.abc import Iterator

import numpy as np

from headtorch.changes import insert_before, replace, set_argument
from headtorch.model import Change, Evidence, Finding
from headtorch.places import DROPOUTS
from headtorch.places.slips import mode_not_passed_on
from headtorch.places.trees import called
from headtorch.remedies import at_each_epoch, network_name
from headtorch.signals import Fit, Signals

FAMILY = "training and evaluation mode"
LEADS_TO = ("overfitting", "dropout-too-high")
ALL_BUT = 0.9  # of the evaluations: some programs call a network without gradient while they train, for other reasons
TRIED = 5  # steps: fewer are a try of the network, not a training
AGAIN = 10  # times the same examples between two steps: more than to see that the answer is another each time


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose evaluations run in training mode, and for dropouts that never switch off."""
    for fit in signals.fits:
        kept = _kept(signals, fit)
        if len(kept) == 0 or fit.steps < TRIED or _asks_again(fit):
            continue
        dropouts_on = kept[:, 1] - kept[:, 2]
        norms_on = kept[:, 3] - kept[:, 4]
        share = float(np.mean((dropouts_on > 0) | (norms_on > 0)))
        if share > ALL_BUT:
            lost = signals.first_slip(mode_not_passed_on)
            yield Finding(
                rule="train-mode-in-eval",
                severity="warning",
                message=f"{share:.0%} of the evaluations run with {_parts(dropouts_on, norms_on)} in training mode",
                where=lost or signals.evaluation_place() or fit.objective.backward_at,
                saw=(Evidence("evaluations in training mode", f"{share:.0%}", healthy="0 %"), fit.seen_loss),
                help="call `model.eval()` before evaluating, and `model.train()` after",
                label="trains, whatever the mode" if lost else "evaluates in training mode",
                confidence=0.85,
            )
        elif (always := signals.places_of_dropout_always_on()) is not None:
            yield Finding(
                rule="train-mode-in-eval",
                severity="warning",
                message="this dropout stays on in eval mode",
                where=always,
                saw=(Evidence("depends on the mode", "no", healthy="yes"), fit.seen_loss),
                help="switch it off when the module does not train: `training=self.training`, "
                "`dropout_p=p if self.training else 0.0`",
                label="on in every mode",
                confidence=0.95,
            )


def _kept(signals: Signals, fit: Fit) -> np.ndarray:
    """The calls without gradient that evaluate, (rows, 7).

    What a copy that has an eval mode saw in training mode made targets, or its batch norms' statistics.
    """
    steps, rows = fit.series("evaluation")
    if len(rows) == 0:
        return np.asarray(rows)
    in_training = (rows[:, 1] > rows[:, 2]) | (rows[:, 3] > rows[:, 4])
    kept = (rows[:, 5] > 1) | _alone_after_training(signals, fit, steps, rows)
    for module in np.unique(rows[:, 6]):
        its_own = rows[:, 6] == module
        has_eval_mode = bool((its_own & ~in_training & kept).any())
        makes_targets = fit.has_one_between_any_steps(steps[its_own & in_training & kept])
        if module not in fit.objective.roots and (has_eval_mode or makes_targets):
            kept &= ~its_own
        elif has_eval_mode and makes_targets:
            kept &= ~(its_own & in_training)
    return np.asarray(rows[kept & ~fit.measures_norms_anew])


def _asks_again(fit: Fit) -> bool:
    """Whether the same examples are given many times between two steps: several random answers are wanted."""
    given = fit.series("eval_fingerprint")
    if not given:
        return False
    first = given.column()
    _, counts = np.unique(np.stack([given.steps, first])[:, np.isfinite(first)], axis=1, return_counts=True)
    return bool(counts.max(initial=0) >= AGAIN)


def _alone_after_training(signals: Signals, fit: Fit, steps: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Which calls predict for one example, by a trained network with batch norms that learned from larger batches.

    After the last step only: before it, one example may be an agent's look at its world, to learn from.
    """
    last = max(int(each.series("loss").steps[-1]) for each in signals.fits)
    trained_on_more = np.isin(rows[:, 6], fit.objective.roots) & (rows[:, 3] > 0) & (fit.examples > 1)
    return np.asarray(trained_on_more & (rows[:, 5] == 1) & (steps > last))


def _parts(dropouts: np.ndarray, norms: np.ndarray) -> str:
    parts = ["dropouts"] * bool(dropouts.max() > 0) + ["batch norms"] * bool(norms.max() > 0)
    return " and ".join(parts)


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Evaluation mode for evaluations, or a switch for the dropout that has none."""
    where, fit = finding.where, signals.longest
    if where is None:
        return
    if where == mode_not_passed_on(signals.places, where.file):
        yield Change("pass the mode on", (replace(where, "super().train(mode)"),))
        return
    call = signals.places.call_at(where)
    if call is not None and called(call).endswith("dropout"):
        yield Change("switch this dropout off in eval mode", (set_argument(where, "training", "self.training"),))
    if call is not None and called(call) == "scaled_dot_product_attention":
        rate = next((k.value for k in call.keywords if k.arg == "dropout_p"), None)
        if rate is not None:
            code = "{} if self.training else 0.0"
            place = signals.places.where(where.file, rate)
            yield Change("switch this dropout off in eval mode", (replace(place, code),))
    if call is not None and called(call) in DROPOUTS:
        yield Change("let this dropout follow the mode", (replace(where, "{}.train(self.training)"),))
        return
    if any(True for _ in signals.places.nodes_at(where, ast.List)):
        code = "__import__('torch').nn.ModuleList({})"
        yield Change("keep the modules where the mode reaches them", (replace(where, code),))
        return
    name = network_name(signals, fit)
    if name and (call is None or "dropout" not in called(call)):
        before = insert_before(where, f"{name}.eval()")
        back = list(at_each_epoch(signals, fit, f"{name}.train()"))
        if not any(True for _ in signals.places.calls(where.file, "train")):
            for edits in back:
                yield Change("evaluate in eval mode, and train in training mode", (before, *edits))
        yield Change("evaluate in eval mode", (before,))
