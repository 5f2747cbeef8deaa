"""The page of a lab: its words, its knobs as fields of a form, and its frames."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from headtorch.figures import Picture
from headtorch.labs import Lab
from headtorch.labs.kit import Claim, Frame
from headtorch.labs.kit.knobs import Knob
from headtorch.model import UserError
from headtorch.render.html.code import Source
from headtorch.render.html.templates import drawn

PLACES = 200  # of a slider


class Field(NamedTuple):
    """A knob as a field of a form; its slider goes over logarithms where `knob.log`."""

    knob: Knob
    value: str

    @property
    def whole(self) -> bool:
        """Whether it takes whole numbers only."""
        return isinstance(self.knob.default, int)

    @property
    def default(self) -> str:
        """Where it stands when nobody has turned it, as it is written."""
        return written(self.knob.default)

    @property
    def slider(self) -> dict[str, float]:
        """The ends of the slider, its step, and where it stands."""
        low, high = (math.log10(end) if self.knob.log else end for end in (self.knob.low, self.knob.high))
        step = 1.0 if self.whole and not self.knob.log else (high - low) / PLACES
        try:
            at = self.knob.parsed(self.value)
        except UserError:
            at = self.knob.default
        assert not isinstance(at, str)
        return {"min": low, "max": high, "step": step, "value": math.log10(at) if self.knob.log else at}


def page(
    lab: Lab,
    labs: Sequence[Lab],
    knobs: Sequence[Knob],
    claims: Sequence[Claim],
    texts: Mapping[str, str],
    *,
    trouble: str,
    frame: Markup | None,
) -> Markup:
    """The page of `lab` with its knobs as `texts` has them; `frame` is its picture where that is known."""
    source = Source(lab.source.strip() + "\n")
    at = list(labs).index(lab)
    return drawn(
        "lab.html",
        title=lab.name,
        lab=lab,
        before=labs[at - 1] if at else None,
        after=labs[at + 1] if at + 1 < len(labs) else None,
        fields=[Field(knob, texts.get(knob.name, written(knob.default))) for knob in knobs],
        claims=claims,
        trouble=trouble,
        frame=frame,
        code=source.lines(range(1, len(source.texts) + 1)),
    )


def picture(frame: Frame) -> Markup:
    """The figures and the numbers of a frame; images side by side."""
    images = [each for each in frame.figures if isinstance(each, Picture)]
    others = [each for each in frame.figures if not isinstance(each, Picture)]
    return drawn("lab_frame.html", images=images, others=others, numbers=tuple(frame.numbers.items()))


def written(value: float | int | str) -> str:
    """The value of a knob as it stands in its field."""
    return f"{value:g}" if isinstance(value, float) else str(value)
