"""headtorch: run a PyTorch training script unchanged and say why the network does not learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headtorch.notebook import Watching

__all__ = ["__version__", "watch"]
__version__ = "0.1.0"


def watch() -> Watching:
    """A context manager that records the trainings inside it, and shows their diagnosis at its end."""
    from headtorch.notebook import Watching

    return Watching()


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext headtorch` calls: from then on `%%headtorch` watches the cell that it begins."""
    from headtorch.notebook import add_magic

    add_magic(shell)
