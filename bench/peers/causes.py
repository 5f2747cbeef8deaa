"""What each tool's messages mean in the labels of the corpus; the one place where they are judged.

A message counts for every cause that it is a name of, and for every cause that its own text calls likely: so a tool
that says "lower the rate, or clip the gradients" of a NaN is right about either. What it says about speed, memory or
style is OTHER and counts neither for it nor against it. A message that no line here knows is noise; the run prints it.
"""

from __future__ import annotations

NAN = "nan-in-data numeric-overflow lr-too-high exploding-gradients precision-too-low"
EXPLODING = "exploding-gradients lr-too-high init-too-large target-not-normalised input-not-normalised no-skip-too-deep"
VANISHING = "vanishing-gradients no-skip-too-deep saturated-activations init-too-small zero-or-constant-init dead-relu"
NO_GRADIENT = (
    "graph-detached params-not-in-optimizer frozen-by-mistake unused-parameters dead-relu zero-or-constant-init"
)
DIVERGING = "lr-too-high exploding-gradients update-sign-flipped momentum-too-high numeric-overflow no-zero-grad"
TOO_SLOW = "lr-too-low lr-schedule-kills clip-too-small grad-accumulation-wrong"
UNMOVED = "no-optimizer-step params-not-in-optimizer frozen-by-mistake graph-detached lr-too-low"
NOT_LEARNING = (
    f"{TOO_SLOW} {UNMOVED} labels-misaligned constant-predictions dead-relu init-too-small zero-or-constant-init"
)
OTHER = "other"

# Of each tool: a part of the message, and the causes. The first that fits counts.
MEANS: dict[str, dict[str, str]] = {
    "torchmortem": {
        "Vanishing gradients": VANISHING,
        "Exploding gradients": EXPLODING,
        "Gradient stalling": f"{VANISHING} {NO_GRADIENT}",
        "Dead units": "dead-relu lr-too-high init-too-large",
        "Gradient starvation": "dead-relu vanishing-gradients",
        "Activation saturation": "saturated-activations init-too-large input-not-normalised",
        "Update ratio too low": f"{TOO_SLOW} vanishing-gradients no-optimizer-step frozen-by-mistake",
        "Update ratio too high": "lr-too-high init-too-small momentum-too-high",
        "Training divergence": DIVERGING,
        "Loss plateau": "lr-too-low capacity-too-small",
        "Catapult": "lr-too-high",
        "Edge of stability": "lr-too-high",
        "curvature": "lr-too-high lr-too-low",
        "Rank collapse": "linear-collapse zero-or-constant-init constant-predictions",
        "Representation bottleneck": "linear-collapse zero-or-constant-init constant-predictions capacity-too-small",
        "Weight norm explosion": "lr-too-high exploding-gradients init-too-large update-sign-flipped",
        "Instability feedback": "lr-too-high exploding-gradients init-too-large update-sign-flipped",
        "Stagnant weight norms": f"{UNMOVED} {TOO_SLOW}",
        "weight norm imbalance": "init-too-large init-too-small",
        "gradient noise": "labels-misaligned data-not-shuffled batchnorm-tiny-batch",
    },
    "torch_audit": {
        "TA100": NAN,
        "TA102": EXPLODING,
        "TA103": f"{NO_GRADIENT} vanishing-gradients saturated-activations",
        "TA104": f"{NO_GRADIENT} no-optimizer-step",
        "TA105": "dead-relu lr-too-high",
        "TA301": "input-not-normalised preprocessing-mismatch",
        "TA302": "constant-or-duplicate-batch nan-in-data",
        "TA303": "wrong-dimension",
        "TA304": "batchnorm-tiny-batch",
        "TA305": "wrong-dimension nan-in-data",
        "TA400": OTHER,  # a bias that costs nothing, and advice on where weight decay belongs: style
        "TA401": OTHER,
        "TA402": OTHER,
        "TA403": OTHER,
        "TA405": "zero-or-constant-init dead-relu",
        "TA500": "unused-parameters params-not-in-optimizer",
        "TA501": "batchnorm-stats-stale weights-untied",
        "TA2": OTHER,
        "TA404": OTHER,
    },
    "traintools": {
        "exceeds clipping threshold": OTHER,  # its quick start sets the threshold; it says that clipping would act
        "non-finite": NAN,
        "gradient appears vanished": f"{VANISHING} {NO_GRADIENT}",
        "gradient is very large": EXPLODING,
        "update/weight ratio is high": "lr-too-high init-too-small",
        "ratio is tiny": f"{TOO_SLOW} vanishing-gradients",
        "no gradients found": NO_GRADIENT,
        "abs max": "input-not-normalised target-not-normalised",
        "nearly constant": "constant-or-duplicate-batch",
        "dominant class": "class-imbalance data-not-shuffled",
        "outside": "loss-target-mismatch labels-misaligned",
        "finite": "nan-in-data",
        "plasticity critical": "dead-relu saturated-activations zero-or-constant-init linear-collapse init-too-small",
        "TrainGuard": "overfitting lr-too-low",
    },
    "torchdiag": {
        "EXPLODE": EXPLODING,
        "VANISH": f"{VANISHING} {NO_GRADIENT}",
        "no_grad": NO_GRADIENT,
        "dead neurons": "dead-relu lr-too-high init-too-large input-not-normalised",
    },
    "training_doctor": {
        "too high": "lr-too-high exploding-gradients momentum-too-high",
        "too low": f"{TOO_SLOW} no-optimizer-step frozen-by-mistake",
        "lateau": "lr-too-low capacity-too-small init-too-small",
        "Overfitting": "overfitting",
        "Unusual train/eval": "leakage-or-bad-validation train-mode-in-eval dropout-too-high",
        "Gradient instability": f"{NAN} vanishing-gradients init-too-large",
        "mixed precision": "precision-too-low numeric-overflow",
    },
    "trainwatch": {
        "variance spike": "lr-too-high nan-in-data exploding-gradients data-not-shuffled",
        "memory leak": OTHER,
        "DataLoader": OTHER,
    },
    "gradsnitch": {
        "GS001": NAN,
        "GS002": f"{EXPLODING} numeric-overflow",
        "GS003": "lr-too-high exploding-gradients nan-in-data",
        "GS004": "overfitting",
        "GS005": NOT_LEARNING,
        "GS006": DIVERGING,
        "GS007": f"{VANISHING} lr-too-low",
        "GS008 LR too high": "lr-too-high init-too-small",
        "GS008": TOO_SLOW,
        "GS009": "lr-too-high momentum-too-high",
        "GS010": "lr-schedule-kills schedule-out-of-step",
    },
    "runmedic": {
        "non_finite": f"{NAN} zero-or-constant-init init-too-large lr-schedule-kills",
        "divergence": DIVERGING,
        "loss_spikes": "lr-too-high nan-in-data labels-misaligned",
        "grad_spikes": "exploding-gradients lr-too-high",
        "no_learning": NOT_LEARNING,
        "overfitting": "overfitting",
        "val_below_train": "leakage-or-bad-validation dropout-too-high",
        "constant_lr_plateau": "lr-too-high lr-too-low",
        "input_bound": OTHER,
        "slow": OTHER,
        "memory": OTHER,
        "log:": OTHER,
    },
    "losslint": {
        "nan_inf": NAN,
        "divergence": DIVERGING,
        "loss_spike": "lr-too-high nan-in-data exploding-gradients",
        "overfit": "overfitting",
        "stagnation": "lr-too-low",
        "step_backtrack": OTHER,
        "parse": OTHER,
    },
    "ormas_monitor": {
        "alarm exploding": EXPLODING,
        "alarm vanishing": VANISHING,
        "alarm no_gradient": f"{NO_GRADIENT} {VANISHING}",
        "nonfinite": NAN,
        "loss_spike": "lr-too-high exploding-gradients nan-in-data",
        "channels": "dead-relu zero-or-constant-init lr-too-high",
        "certificate": "dead-relu zero-or-constant-init",
        "no_gradients": NO_GRADIENT,
    },
    "mldoct": {
        "missing_zero_grad": "no-zero-grad",
        "double_softmax": "double-softmax",
        "missing_eval": "train-mode-in-eval",
        "cpu_bottleneck": OTHER,
        "oom_leak": OTHER,
    },
    "torch_preflight": {
        "TG001": OTHER,
        "TG003": "no-zero-grad",
        "TG005": "double-softmax",
        "TG006": "missing-output-activation double-softmax output-activation-range loss-target-mismatch",
        "TG011": "eval-mode-in-training",
        "TG012": "replicas-out-of-sync",
        "TG014": "grad-accumulation-wrong",
        "TG0": OTHER,
    },
    "torchtest2": {
        "output_finite": NAN,
        "output_varies": "constant-predictions dead-relu zero-or-constant-init saturated-activations",
        "initial_loss": "loss-at-init init-too-large input-not-normalised leakage-or-bad-validation",
        "optimizer_coverage": "params-not-in-optimizer frozen-by-mistake unused-parameters",
        "gradient_flow": NO_GRADIENT,
        "gradient_magnitude": f"{EXPLODING} {VANISHING} {NAN}",
        "params_change": f"{UNMOVED} {NO_GRADIENT} {TOO_SLOW}",
        "frozen_params": "frozen-by-mistake pretrained-destroyed",
        "input_dependency": "wrong-dimension unused-parameters hidden-state-misuse",
        "batch_independence": "wrong-dimension batchnorm-stats-stale",
        "eval_determinism": "train-mode-in-eval",
        "output_": "wrong-dimension output-activation-range",
        "overfit_batch": "lr-too-low lr-too-high momentum-too-high loss-target-mismatch labels-misaligned "
        "broadcast-loss capacity-too-small wrong-dimension no-optimizer-step",
        "loss:": "loss-target-mismatch broadcast-loss wrong-dimension",
        "forward": "wrong-dimension",
    },
    "preflight_ml": {
        "nan_inf": "nan-in-data",
        "normalisation": "input-not-normalised preprocessing-mismatch",
        "channel_ordering": "wrong-dimension",
        "label_leakage": "leakage-or-bad-validation",
        "class_imbalance": "class-imbalance data-not-shuffled",
        "shape_mismatch": "wrong-dimension",
        "gradient_check": f"{NO_GRADIENT} {EXPLODING} vanishing-gradients",
        "duplicate": "constant-or-duplicate-batch",
        "split_sizes": OTHER,
        "vram": OTHER,
    },
    "nndiagnostics": {"not finite": NAN},
}


def causes(tool: str, message: str) -> set[str]:
    """The causes that a message names: none for one that is not known."""
    if tool == "headtorch":
        return {message}  # its rules are the labels
    return set(MEANS[tool].get(kind(tool, message), "").split())


def kind(tool: str, message: str) -> str:
    """What a message has in common with others that differ in a number or a layer alone."""
    return next((part for part in MEANS.get(tool, ()) if part in message), message)


def about_learning(tool: str, message: str) -> bool:
    """Whether a message says that something is wrong with the learning."""
    return OTHER not in causes(tool, message)


def known(tool: str, message: str) -> bool:
    """Whether a message stands in the table."""
    return bool(causes(tool, message))
