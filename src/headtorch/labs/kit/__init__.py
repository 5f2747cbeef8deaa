"""What labs are made of: knobs, frames and claims."""

from headtorch.labs.kit.claims import Claim
from headtorch.labs.kit.frames import Frame, final, rows
from headtorch.labs.kit.knobs import knob

__all__ = ["Claim", "Frame", "final", "knob", "rows"]
