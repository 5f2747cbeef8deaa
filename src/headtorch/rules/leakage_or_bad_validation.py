"""The validation figure does not measure what it claims.

Why it fails: an example that stands in both parts is remembered, not predicted. With a share s of them, it is
`error = s·(error on the known) + (1 − s)·(error on the new)`: it says how well the network has learned the training
data by heart, and the most overfitted model wins. A column that is written after the event is the answer itself:
wonderful figures, until it is empty in use.

Measured: the marks of the examples given in evaluation that were among the training batches looked at. None is right;
all is an evaluation of the training data on purpose; some is a leak, and so is a fold that is new at first and known
later. And how much of each input column's variance the classes, or the numbers to be predicted, explain, beyond what as
many classes explain by chance; whether the answer is read as the largest of a single output; and whether a network
whose labels are the next tokens attends to them.

Healthy: 0 % (derivation; Kaufman et al., 2012). Measured over the 69 of 119 healthy trainings that evaluate: below 20
% in 56, an evaluation of the training data, above 90 %, in 12. Told in between, where examples of several features do
not repeat by nature. A column of which the classes explain 98 % holds two even classes `d² / (d² + 4) = 0.98`, 14
standard deviations apart (derivation): no network is needed to tell them. The best column of scikit-learn's iris has
0.94, of its wine 0.73, of its breast cancer 0.63.

Fix: split first, `train, test = train_test_split(data)`, then repeat, augment, oversample or window the training part
only; keep a patient, a day or a source in one part (`GroupShuffleSplit`). Leave out the column that is not known yet
when the answer is asked for.

Ignore it when equal examples are ordinary in the data and come in use too.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.changes import set_argument
from headtorch.model import Change, Evidence, Finding
from headtorch.places.data import columns
from headtorch.places.slips import argmax_of_one
from headtorch.places.trees import called
from headtorch.remedies import source_of
from headtorch.signals import Fit, Signals, place_of
from headtorch.signals.forms import attends_to_all, reads_several
from headtorch.signals.network import RECURRENT
from headtorch.slip import Slip, slipped
from headtorch.store.records import CLASSIFYING, DISTANCES, YES_OR_NO

FAMILY = "generalisation"
LEADS_TO = ("overfitting",)
SOME = 0.2  # of the examples: data of a few values repeats by chance; 56 of 69 healthy trainings are below
ALL = 0.9  # of them: an evaluation of the training data on purpose, as in 12 of 69 healthy trainings
MOST = 0.5  # of the batches are mixed: where some are of the one part and some of the other, two parts are evaluated
ENOUGH = 30  # examples of an evaluation batch: a share of 0.2 is then known to 0.07, one standard error
CLASSES = (*CLASSIFYING, *YES_OR_NO)
TELLS = 0.98  # of a column's variance: two even classes 14 deviations apart, sqrt(4 * 0.98 / 0.02)
FEW_CLASSES = 0.5  # a class for two examples of a batch: of more, a share of 1 is near at hand
NEAR = 0.9  # of the next: above, the classes are far apart in everything, as blobs are
NEXT = 0.9  # of the labels: all but a few at the edges are the next token
SAME = 1 - 1e-5  # of a number's variance: float32 sums over a batch round to about a millionth
COLUMNS = 64  # of a table: above, columns are pixels or words
BATCHES = 20  # looked at: a median of fewer could be that of one odd stretch

FIRST = Slip(
    argmax_of_one,
    "the answer is taken as the largest of one output: it is number 0 whatever the network says",
    ("outputs to choose from", "1", "2 or more"),
    help="compare the one output with its threshold: `outputs > 0.5` of a probability, `outputs > 0` of a score",
    label="the largest of a single one",
    confidence=0.93,
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that is told the answer: by one of its features, or by examples that come again."""
    if all(map(_has_one_output, signals.fits)):
        yield from slipped("leakage-or-bad-validation", signals, FIRST)
    for fit in signals.fits:
        finding = _one_feature_tells(signals, fit) or _is_given_its_target(signals, fit) or _sees_ahead(signals, fit)
        if finding is not None:
            yield finding
            continue
        if (finding := _one_network_for_all_folds(signals, fit)) is not None:
            yield finding
            continue
        marks, shares = fit.series("eval_fingerprint").values, fit.seen_in_training
        inputs = fit.series("input")
        if any(module.kind.startswith("Embedding") for module in signals.run.modules.values()):
            continue  # sentences and users come again by nature
        if not len(shares) or not inputs or inputs.values[:, 8].max() < 2 or _chooses(fit):
            continue
        large = (
            shares[np.isfinite(marks).sum(axis=1)[: len(shares)] >= ENOUGH] if len(shares) == len(marks) else shares[:0]
        )
        mixed = (large > SOME) & (large < ALL)
        if len(large) == 0 or mixed.mean() < MOST:
            continue
        share = float(np.median(large[mixed]))
        yield Finding(
            rule="leakage-or-bad-validation",
            severity="warning",
            message=f"{share:.0%} of the examples in evaluation were trained on",
            where=signals.split_place() or fit.objective.backward_at,
            saw=(Evidence("evaluation examples seen in training", f"{share:.0%}", healthy="0 %"), fit.seen_loss),
            help="split the data first; repeat, augment or oversample the training part only",
            label="splits after examples were repeated",
            confidence=0.75,
        )


def _chooses(fit: Fit) -> bool:
    """Whether a network is asked about other examples between any two steps: to choose those it learns from."""
    given = fit.series("eval_fingerprint")
    others = len(np.unique(given.column())) > len(given.steps) / 2
    return others and fit.has_one_between_any_steps(given.steps)


def _one_network_for_all_folds(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where a network is trained on from fold to fold: what it is evaluated on later, it has seen."""
    place, shares = signals.folds_place(), fit.seen_in_training
    if place is None or len(shares) < 2 or shares[0] > SOME or not (shares > ALL).any():
        return None
    return Finding(
        rule="leakage-or-bad-validation",
        severity="error",
        message="one network is trained on from fold to fold: it is evaluated on what it has learned in an earlier one",
        where=place,
        saw=(
            Evidence("examples of the first evaluation seen in training", f"{shares[0]:.0%}"),
            Evidence("of a later one", f"{shares.max():.0%}", healthy="0 %"),
            fit.seen_loss,
        ),
        help="make a new network and a new optimizer for each fold",
        label="goes on with the same network",
        confidence=0.93,
    )


def _has_one_output(fit: Fit) -> bool:
    """Whether a network says one number of each example: a yes or no, or an amount."""
    shape = fit.loss.prediction_shape if fit.loss is not None else None
    if fit.loss is None or fit.loss.name not in YES_OR_NO or shape is None or shape[1:] not in ((1,), ()):
        return False
    last = fit.network.nodes[fit.network.linear_maps[-1]].shape if fit.network.linear_maps else None
    return last is None or last[-1:] in ((1,), ())  # one may have been chosen of several


def _is_given_its_target(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where a regression's target is one of the numbers that the network is given, but for its scale."""
    series = fit.series("association")
    if fit.loss is None or fit.loss.name not in DISTANCES or len(series.steps) < BATCHES:
        return None
    least, second, number = (float(np.nanmedian(series.values[:, index])) for index in (2, 3, 4))
    same = bool(np.nanmin(series.values[:, 2]) > SAME)
    if not same or not 0 < second < least:  # of a single number there is no second
        return None
    return Finding(
        rule="leakage-or-bad-validation",
        severity="warning",
        message=f"the target is number {number:.0f} of the inputs, in every batch: there is nothing to predict",
        where=signals.target_place(fit),
        saw=(Evidence(f"R^2 of input {number:.0f} by the target", least, healthy="below 0.98"), fit.seen_loss),
        help="make the target of what comes after the inputs: in a series, `shift(-1)` is the next value",
        label="compares with what the network is given",
        confidence=0.85,
    )


def _sees_ahead(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where the label of each token is the next one, and the network reads the sequence from both sides."""
    nodes, next_ones = fit.network.nodes, float(fit.shifts[1])
    if not next_ones > NEXT or signals.several_inputs(fit) or reads_several(nodes, fit.examples):
        return None
    both_ways = {m.name for m in signals.run.modules.values() if m.settings.get("bidirectional") is True}
    attends = next((n for n in range(len(nodes)) if attends_to_all(nodes, n)), None)
    reads = next((n for n, node in enumerate(nodes) if node.op in RECURRENT and node.layer in both_ways), None)
    found = attends if attends is not None else reads
    if found is None:
        return None
    name = fit.network.name(found)
    return Finding(
        rule="leakage-or-bad-validation",
        severity="error",
        message=f"the label of each token is the next one, and `{name}` is shown it: it reads what comes later too",
        where=nodes[found].where or place_of(nodes[found]),
        saw=(Evidence("labels that are the next token", f"{next_ones:.0%}"), fit.seen_loss),
        help="give the attention a causal mask, `is_causal=True` or `nn.Transformer.generate_square_subsequent_mask(n)`"
        if attends is not None
        else "let the layer read in one direction only: `bidirectional=False`",
        label="reads the whole sequence",
        confidence=0.96,
    )


def _one_feature_tells(signals: Signals, fit: Fit) -> Finding | None:
    """A finding when one column of a table tells the class, and no other comes near."""
    series, inputs = fit.series("association"), fit.series("input")
    if fit.loss is None or fit.loss.name not in CLASSES or not inputs or len(series.steps) < BATCHES:
        return None
    chance, largest, second, column = (float(np.nanmedian(series.values[:, index])) for index in (1, 2, 3, 4))
    if not chance < FEW_CLASSES:
        return None
    largest, second = ((share - chance) / (1 - chance) for share in (largest, second))
    if not (largest > TELLS and second < NEAR) or not 3 <= inputs.values[:, 8].max() <= COLUMNS:
        return None
    made = signals.input_place(fit)
    return Finding(
        rule="leakage-or-bad-validation",
        severity="warning",
        message=f"the class explains {largest:.1%} of column {column:.0f} of the inputs, "
        f"and {second:.0%} of any other: it tells the answer",
        where=made and columns(signals.places, made),
        saw=(
            Evidence(f"R^2 of column {column:.0f} by classes", largest, healthy="below 0.95"),
            Evidence("R^2 of the next column", second),
            fit.seen_loss,
        ),
        help=f"find out whether column {column:.0f} is known when the answer is asked for; if not, leave it out",
        label="see what is in these columns",
        confidence=0.75,
    )


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A causal mask where an attention sees what it is to tell."""
    where = finding.where
    call = signals.places.call_at(where) if where is not None else None
    if where is None or call is None or not any(_sees_ahead(signals, fit) == finding for fit in signals.fits):
        return
    if called(call) == "scaled_dot_product_attention":
        yield Change("let each step see those before it only", (set_argument(where, "is_causal", "True"),))
    kinds = {module.kind for module in signals.run.modules.values() if module.called_at == where}
    if call.args and kinds & {"TransformerEncoder", "TransformerEncoderLayer"}:
        tokens = source_of(signals, where, call.args[0])
        first = any(module.settings.get("batch_first") is True for module in signals.run.modules.values())
        name = "mask" if "TransformerEncoder" in kinds else "src_mask"
        mask = f"torch.nn.Transformer.generate_square_subsequent_mask({tokens}.size({int(first)}))"
        yield Change("let each step see those before it only", (set_argument(where, name, mask),))
