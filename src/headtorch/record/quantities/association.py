"""association: how much of the inputs' variance the targets explain, beside what chance alone explains.

Columns: R^2 = 1 - SS_within / SS_total of each feature over the classes, or its squared correlation with a number,
averaged over the features; what independent targets would give: (classes - 1) / (examples - 1), or
1 / (examples - 1); then the largest and the second largest of the features, and which feature has the largest. Where
an example has a target for each of its numbers, as a mask for its pixels, each is compared with its own, and the last
three columns are NaN.
"""

import torch

from headtorch.record.entered import Entered
from headtorch.record.quantities.class_count import MAX_CLASSES

OF = "pair"
ROUNDING = 1e-10  # of a feature's squares: a constant one is no further from its mean than float32 rounds it


def measure(entered: Entered, target: torch.Tensor) -> torch.Tensor:
    """(5,); NaN where the two have no examples in common, a target is no class or number, nor one a feature, or the
    targets are all alike."""
    features, examples = entered.features, len(entered.features)
    if examples < 3 or not features.is_floating_point():
        return torch.full((5,), float("nan"), device=features.device)
    features = features.float()
    if target.numel() != entered.examples:
        return _each_with_its_own(features, entered, target)
    centred = features - features.mean(dim=0)
    total = centred.square().sum(dim=0)
    aims = target.reshape(-1)[:examples]
    if aims.is_floating_point():
        groups = (aims.float() - aims.float().mean())[:, None]
        sizes, freedom = groups.square().sum(dim=0), groups.new_ones(())
        sizes = sizes.where(sizes > ROUNDING * aims.float().square().sum(), float("nan"))
    else:
        groups = (aims[:, None] == torch.arange(MAX_CLASSES, device=aims.device)).float()
        sizes = groups.sum(dim=0)
        freedom = (sizes > 0).sum() - 1
    explained = ((groups.T @ centred).square() / sizes.clamp_min(1e-12)[:, None]).sum(dim=0)
    varies = total > ROUNDING * features.square().sum(dim=0)
    shares = explained / total.clamp_min(1e-30) * varies
    first, second = largest_two(shares)
    place = shares.argmax() * entered.stride
    return torch.stack([shares.sum() / varies.sum(), freedom / (examples - 1), first, second, place])


def _each_with_its_own(features: torch.Tensor, entered: Entered, target: torch.Tensor) -> torch.Tensor:
    """The squared correlation of features with their targets; the targets of an image's pixels go with its first
    channel."""
    unknown = features.new_full((5,), float("nan"))
    size, rest = divmod(target.numel(), entered.examples)
    if rest or size < 2 or target.shape[0] != entered.examples or not _lies_over(target.shape, entered):
        return unknown
    aims = target[: len(features)].reshape(len(features), -1)[:, :: entered.stride].float()
    features = features[:, : aims.shape[1]]
    pairs = [values - values.mean(dim=0) for values in (features, aims)]
    lengths = [values.square().sum(dim=0) for values in pairs]
    varies = (lengths[0] > ROUNDING * features.square().sum(dim=0)) & (lengths[1] > ROUNDING * aims.square().sum(dim=0))
    shares = (pairs[0] * pairs[1]).sum(dim=0).square() / (lengths[0] * lengths[1]).clamp_min(1e-30) * varies
    unknown[0] = shares.sum() / varies.sum()
    unknown[1] = 1 / (len(features) - 1)
    return unknown


def _lies_over(target: torch.Size, entered: Entered) -> bool:
    """Whether an example has one target for each of its numbers, or for each place of its channels."""
    size = target[1:].numel()
    channels = entered.shape[0] if len(entered.shape) > 1 else 1
    return size == entered.numbers or (size * channels == entered.numbers and target[-1] == entered.shape[-1])


def largest_two(values: torch.Tensor) -> torch.Tensor:
    """The two largest of some values, (2,); 0 for what is not there."""
    return torch.nn.functional.pad(values, (0, max(2 - len(values), 0))).topk(2).values
