"""Every patch as a column of a matrix, then a dense layer: that is all a convolution is.

A convolution looks at one small patch of a picture after the other through the same few weights. Written out, each
patch becomes a column of a matrix, and one dense layer multiplies them all. Because all places share the weights, a
picture that is shifted gives an output that is shifted. Because a patch is small, a change far away changes nothing:
to see far, a network stacks layers.

Question: The nine weights are called the kernel; this one answers to edges. Move the photograph 5 pixels to the right
(`shift`). What happens to the edges that the kernel finds? And what would a dense layer over all pixels do?

Answer: The output moves by 5 pixels too, to the last bit of rounding; the stripe at its left is what left on the right
and came in again. A dense layer has other weights for every place: it would have to learn the same edge again at each.

Sources: Goodfellow, Bengio, Courville (2016), Deep Learning, 9.1 and 9.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from headtorch.figures import Picture
from headtorch.labs.kit import Claim, Frame, knob, rows
from headtorch.labs.kit.data import photograph

PLACE = 5
RULES = ("wrong-dimension",)
KERNELS = {
    "edges": ((-1.0, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "blur": ((1 / 9,) * 3,) * 3,
    "sharpen": ((0.0, -1, 0), (-1, 5, -1), (0, -1, 0)),
}


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    kernel: str = knob("edges", "the nine weights", choices=tuple(KERNELS))
    photo: str = knob("china", "the photograph", choices=("china", "flower"))
    shift: int = knob(5, "pixels by which the photograph is moved to the right", 0, 40)


def frames(knobs: Knobs) -> Iterator[Frame]:
    """The picture through the dense layer, beside PyTorch's convolution."""
    image = grey(knobs.photo)
    weight = torch.tensor(KERNELS[knobs.kernel])
    ours, theirs = patches_times(image, weight), nn.functional.conv2d(image, weight[None, None])
    moved = patches_times(image.roll(knobs.shift, dims=-1), weight)
    photograph = Picture("the photograph", rows(image[0, 0]))
    inside = slice(knobs.shift, None)  # without the stripe that came in from the other side
    numbers = {
        "difference to conv2d": float((ours - theirs).abs().max()),
        "weights of the dense layer over patches": 9,
        "weights of a dense layer over all pixels": image.numel() * ours.numel(),
        "difference of the output moved and the output of the moved": float(
            (moved[..., inside] - ours.roll(knobs.shift, dims=-1)[..., inside]).abs().max()
        ),
    }
    yield Frame((photograph, _shown(f"through {knobs.kernel}", ours)), numbers, 0.5)
    yield Frame((photograph, _shown("before", ours), _shown(f"moved by {knobs.shift}", moved)), numbers)


def grey(name: str) -> torch.Tensor:
    """A photograph in grey, (1, 1, 107, 160)."""
    return nn.functional.avg_pool2d(photograph(name).mean(dim=0)[None, None], 4, ceil_mode=True)


def patches_times(image: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """A convolution by hand: (1, 1, H, W) with (k, k) weights to (1, 1, H - k + 1, W - k + 1)."""
    size = len(weight)
    height, width = image.shape[2] - size + 1, image.shape[3] - size + 1
    columns = torch.stack(
        [
            image[0, 0, row : row + height, column : column + width].flatten()
            for row in range(size)
            for column in range(size)
        ]
    )
    return (weight.flatten() @ columns).view(1, 1, height, width)


def _shown(title: str, values: torch.Tensor) -> Picture:
    low, high = values.min(), values.max()
    return Picture(title, rows(((values - low) / (high - low)).detach()[0, 0]))


CLAIMS = (
    Claim("Patches times a matrix equal conv2d: largest difference", "forward", at_most=1e-5),
    Claim(
        "So do the gradients of weights and picture: largest difference, divided by the largest value",
        "gradient",
        at_most=1e-4,
    ),
    Claim("The output of the moved picture is the moved output: largest difference", "shift", at_most=1e-6),
    Claim("Other pixels 10 places away change the output by", "far", at_most=0.0),
    Claim("Other pixels within the patch change it by", "near", at_least=0.01),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """The equalities, for random weights."""
    torch.manual_seed(seed)
    size = 7 if full else 3
    image = grey("china").clone().requires_grad_()
    weight = torch.randn(size, size, requires_grad=True)
    upstream = torch.randn(1, 1, image.shape[2] - size + 1, image.shape[3] - size + 1)
    ours, theirs = patches_times(image, weight), nn.functional.conv2d(image, weight[None, None])
    mine = torch.autograd.grad(ours, (weight, image), upstream)
    torchs = torch.autograd.grad(theirs, (weight, image), upstream)
    moved = patches_times(image.roll(5, dims=-1), weight)
    with torch.no_grad():
        changed = {}
        for name, column in (("near", 50), ("far", 60)):
            other = image.clone()
            other[0, 0, 50, column] += 1.0
            changed[name] = float((patches_times(other, weight) - ours)[0, 0, 50, 50].abs())
        return {
            "forward": float((ours - theirs).abs().max()),
            "gradient": max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(mine, torchs, strict=True)),
            "shift": float((moved[..., 5:] - ours.roll(5, dims=-1)[..., 5:]).abs().max()),
            **changed,
        }
