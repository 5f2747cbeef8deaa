"""What healthy trainings measure: the quantiles, over run files, of what the rules judge.

    python -m bench.healthy RUN.htdb ...

The pages of the rules name this command where they say what healthy trainings show.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

from headtorch.signals import Fit, Signals
from headtorch.store.run import Run

ENOUGH = 20  # steps
QUANTILES = (0, 0.05, 0.5, 0.95, 1)


def figures(fit: Fit) -> dict[str, float]:
    """What one training shows; NaN for what it has not."""
    relative = fit.relative_gradients
    inputs, targets = fit.series("input"), fit.series("target")
    ratio = math.nan
    if relative.size and relative.shape[1] >= 3:
        typical = np.nanmedian(relative[:10], axis=0)
        ratio = float(np.min(typical[: max(1, len(typical) // 3)]) / max(typical[-1], 1e-30))
    gains = [
        fit.initial(p)[0] * math.sqrt(math.prod(p.shape[1:]) if p.is_parameter else p.shape[0])
        for p in fit.parameters
        if len(p.shape) >= 2 and p.id in {fit.network.nodes[n].weight for n in fit.network.linear_maps}
    ]
    return {
        "gain": fit.gain,
        "|dw|/|w|, largest early": fit.early_update,
        "|dw|/|w|, usual": fit.usual_update,
        "sum of |dw|/|w|": fit.distance,
        "|g|/|w| at the first step, largest": float(np.nanmax(relative[0])) if relative.size else math.nan,
        "|g|/|w|, largest over usual": float(np.nanmax(relative) / np.nanmedian(np.nanmax(relative, axis=1)))
        if relative.size
        else math.nan,
        "|g|/|w|, first third over last": ratio,
        "std x sqrt(fan-in), largest": max(gains, default=math.nan),
        "std x sqrt(fan-in), median": float(np.median(gains)) if gains else math.nan,
        "std of a feature, largest": float(np.nanmedian(inputs.values[:, 5])) if inputs else math.nan,
        "std of the targets": float(np.nanmedian(targets.values[:, 7])) if targets else math.nan,
        "first loss over chance": fit.first_loss / fit.chance if fit.chance else math.nan,
        "dead units, worst layer": worst(fit, "dead_share"),
        "saturated outputs, worst hidden layer": worst(fit, "saturated_share"),
        "std of the tail over its mean": float(np.std(fit.tail)) / max(float(np.mean(fit.tail)), 1e-30),
        "cosine of update and -g": middle(fit, "descent"),
        "decay over |g|/|w|": decay(fit),
        "momentum or beta1": max(
            (
                float(g.get(k) or 0)
                for o in fit.followed_by
                for g in o.groups
                for k in ("momentum", "beta1")
                if not isinstance(g.get(k), str)
            ),
            default=math.nan,
        ),
        "clip: left of the usual gradient": clip(fit),
        **held_out(fit),
        **evaluated(fit),
        **batches(fit),
    }


def worst(fit: Fit, quantity: str) -> float:
    """The largest share of a hidden layer at the end."""
    shares = [
        float(np.nanmedian(series.column()[-5:]))
        for number, series in fit.measured(quantity)
        if not fit.network.is_output(number) and np.isfinite(series.column()[-5:]).any()
    ]
    return max(shares, default=math.nan)


def middle(fit: Fit, quantity: str) -> float:
    """The median over steps of the middle parameter that moves."""
    series, mask = fit.series(quantity), fit.reached & fit.moved
    if not series or not mask.any() or series.values.shape[1] != len(mask):
        return math.nan
    return float(np.nanmedian(np.nanmedian(series.values[:50, mask], axis=1)))


def decay(fit: Fit) -> float:
    """The pull of an L2 penalty beside the gradient's."""
    decays = [
        float(g["weight_decay"] or 0)
        for o in fit.followed_by
        if o.kind != "AdamW"
        for g in o.groups
        if isinstance(g.get("weight_decay"), (int, float))
    ]
    relative = fit.relative_gradients
    if not decays or max(decays) == 0 or not relative.size:
        return math.nan
    return max(decays) / max(float(np.nanmedian(relative[len(relative) // 2 :])), 1e-30)


def clip(fit: Fit) -> float:
    """What clipping leaves of a usual gradient."""
    clips = fit.series("clip")
    if not clips:
        return math.nan
    return float(np.nanmedian(np.minimum(clips.values[:, 1] / np.maximum(clips.values[:, 0], 1e-30), 1)))


def held_out(fit: Fit) -> dict[str, float]:
    """The held-out loss at the end beside its best, and beside the training loss."""
    if fit.held_out is None or len(fit.held_out.steps) < 5:
        return {"held-out loss, end over best": math.nan, "held-out loss over training loss": math.nan}
    values = fit.held_out.column()
    end = float(np.median(values[-3:]))
    return {
        "held-out loss, end over best": end / max(float(values.min()), 1e-30),
        "held-out loss over training loss": end / max(float(np.mean(fit.unscaled_losses[-len(fit.tail) :])), 1e-30),
    }


def evaluated(fit: Fit) -> dict[str, float]:
    """How far the scale of the evaluated inputs is from that of the training inputs."""
    train, held = fit.series("input"), fit.series("eval_input")
    many = held.values[held.values[:, 9] >= 8] if held else np.empty((0, 10))
    if not train or not len(many):
        return {"shift of evaluated inputs, in std": math.nan, "std of evaluated inputs over training": math.nan}
    mean, deviation = (float(np.median(train.values[:, column])) for column in (0, 1))
    return {
        "shift of evaluated inputs, in std": abs(float(np.median(many[:, 0])) - mean) / max(deviation, 1e-12),
        "std of evaluated inputs over training": float(np.median(many[:, 1])) / max(deviation, 1e-12),
    }


def batches(fit: Fit) -> dict[str, float]:
    """How mixed the classes and the examples of a batch are."""
    counts, marks = fit.series("class_count"), fit.series("fingerprint")
    mixed = different = math.nan
    if counts and counts.values.shape[1] > 1 and not np.isnan(counts.values).any():
        over_all = entropy(counts.values.sum(axis=0))
        mixed = float(np.median([entropy(row) for row in counts.values])) / over_all if over_all > 0 else math.nan
    if marks:
        rows = [row[np.isfinite(row)] for row in marks.values[:100]]
        different = float(np.median([len(np.unique(row)) / max(len(row), 1) for row in rows]))
    return {"entropy of a batch over that of all": mixed, "different examples in a batch": different}


def entropy(counts: np.ndarray) -> float:
    """Of the shares that counts make."""
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(shares * np.log(shares)).sum())


def main(paths: list[str]) -> None:
    """Print the quantiles over all trainings of at least `ENOUGH` steps."""
    runs = [Signals(Run(Path(path))) for path in paths]
    rows = [figures(fit) for signals in runs for fit in signals.fits if fit.steps >= ENOUGH]
    print(f"{len(rows)} trainings in {len(runs)} runs; quantiles {', '.join(f'{q:.0%}' for q in QUANTILES)}")
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        values = values[np.isfinite(values)]
        told = "  ".join(f"{q:9.2g}" for q in np.quantile(values, QUANTILES)) if len(values) else ""
        print(f"{name:40}{len(values):4}  {told}")


if __name__ == "__main__":
    main(sys.argv[1:])
