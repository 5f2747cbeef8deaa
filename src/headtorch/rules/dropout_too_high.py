"""So much is dropped that the signal is lost.

Why learning fails: dropout at rate p keeps 1 − p of the units and multiplies them by 1 / (1 − p). What it adds is
noise with `E[noise²] = p / (1 − p) · E[h²]`, so many times the power of the signal h: 1 at a half, 9 at 0.9; and each
layer of it multiplies.

Measured: the rate of each dropout that runs in training, of `F.dropout` as it is written in the source, and how far
the loss came: in training, and without dropout where it was evaluated in eval mode, for noise alone keeps the
training loss up. Besides, whether it is the answers that are dropped.

Healthy: 0.1 to 0.5 (Srivastava et al., 2014, use 0.5 in hidden layers and 0.2 at the input). Told from 0.75, three
parts of noise to one of signal (derivation), when neither loss came 0.35 of the way from chance to 0.

Fix: `nn.Dropout(0.2)`; none while the network does not yet fit its training data.

Ignore it when whole inputs are hidden on purpose, as in masked autoencoders, and the loss is on what was hidden.
"""

from collections.abc import Iterator

from headtorch.model import Change, Evidence, Finding
from headtorch.places.trees import called
from headtorch.remedies import valued
from headtorch.signals import Fit, Signals, place_of

FAMILY = "the network"
LEADS_TO = ("lr-too-low", "capacity-too-small", "vanishing-gradients", "lr-too-high")
HIGH = 0.75  # p / (1 - p): noise of three times the signal's power
LEARNED = 0.35  # of the way from chance to 0: 113 of 118 healthy trainings come further
KINDS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")
ENOUGH = 20  # steps: under noise the first few say nothing


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that learns little under heavy dropout."""
    for fit in signals.fits:
        yield from _of_the_answer(fit)
        if not fit.gain < LEARNED or fit.gain_in_eval_mode >= LEARNED or fit.steps < ENOUGH:
            continue
        used = {node.layer for node in fit.network.nodes if "Dropout" in node.module}
        heavy = [
            module
            for module in signals.run.modules.values()
            if "Dropout" in module.kind and module.name in used and float(module.settings.get("p") or 0) >= HIGH
        ]
        if not heavy:
            yield from _functional(signals, fit)
            continue
        rate = max(float(module.settings["p"] or 0) for module in heavy)
        yield Finding(
            rule="dropout-too-high",
            severity="error",
            message=f"{len(heavy)} dropouts drop {rate:.0%} of their units, and the training loss hardly falls",
            where=signals.places.argument((heavy[0].made_at,), "p", position=0) if heavy[0].made_at else None,
            saw=(
                Evidence("dropout rate", rate, healthy="0.1 to 0.5", layer=heavy[0].name),
                Evidence("variance of its noise over the signal's", rate / max(1 - rate, 1e-6), healthy="at most 1"),
                fit.seen_loss,
            ),
            help="lower the rate to 0.1 to 0.5, or leave dropout out until the training loss falls",
            label="this rate",
            confidence=0.9,
        )


def _of_the_answer(fit: Fit) -> Iterator[Finding]:
    """A finding where the answers themselves are dropped: what the loss compares is 0 or too large."""
    for term in fit.objective.losses:
        node = fit.network.predicted(term)
        if node is not None and node.module in KINDS and node.op in ("Mul", "NativeDropout"):
            yield Finding(
                rule="dropout-too-high",
                severity="error",
                message="the answers of the network are dropped: the loss compares 0 with their targets",
                where=place_of(node),
                saw=(Evidence("what the loss is given", "a dropout's output", healthy="a layer's"), fit.seen_loss),
                help="take out the dropout behind the last layer",
                label="behind the last layer",
                confidence=0.95,
            )
            return


def _functional(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding for `F.dropout` at a rate that is written out: it leaves a product with a mask in the graph."""
    masks = [node.where for node in fit.network.nodes if node.op in ("Mul", "NativeDropout") and node.where is not None]
    for place in masks:
        call = signals.places.call_at(place)
        if call is None or called(call) not in ("dropout", "dropout1d", "dropout2d", "dropout3d"):
            continue
        where = signals.places.argument((place,), "p", position=1)
        rate = signals.places.number_at(where) if where is not None else None
        if rate is None or not HIGH <= rate < 1:
            continue
        yield Finding(
            rule="dropout-too-high",
            severity="error",
            message=f"a dropout drops {rate:.0%} of its units, and the training loss hardly falls",
            where=where,
            saw=(
                Evidence("dropout rate", rate, healthy="0.1 to 0.5"),
                Evidence("variance of its noise over the signal's", rate / (1 - rate), healthy="at most 1"),
                fit.seen_loss,
            ),
            help="lower the rate to 0.1 to 0.5, or leave dropout out until the training loss falls",
            label="this rate",
            confidence=0.9,
        )
        return


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The rates that are usual."""
    yield from valued(signals, finding.where, "p", "lower the dropout rate to", (0.1, 0.3))
