"""Patches: what is put in the place of functions of PyTorch, and how each gets its place back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.jit import _builtins

_ABSENT = object()


class Patches:
    """Puts stand-ins in place. After `undo` all is as it was, but for what someone else has wrapped since."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []

    def put(self, owner: Any, name: str, stand_in: Any) -> None:
        """Put `stand_in` under a name of a module or a class."""
        before = vars(owner).get(name, _ABSENT)
        setattr(owner, name, stand_in)
        placed = vars(owner)[name]

        def undo() -> None:
            if vars(owner).get(name) is not placed:
                return  # wrapped by someone else: taken out, his wrapper would be lost
            if before is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

        self._undo.append(undo)

    def put_builtin(self, owner: Any, name: str, stand_in: Callable[..., Any]) -> None:
        """Put a function of ours in the place of a built-in one, so that torch.jit.script still knows it."""
        operations = _builtins._get_builtin_table()
        operation = operations.get(id(getattr(owner, name)))
        self.put(owner, name, stand_in)
        if operation is not None:
            operations[id(stand_in)] = operation
            # PyTorch knows functions by their id, which another may have once this one is gone.
            self._undo.append(lambda: operations.pop(id(stand_in), None))

    def after(self, undo: Callable[[], Any]) -> None:
        """Call this too when all is undone."""
        self._undo.append(undo)

    def undo(self) -> None:
        """Take out what was put in, the last first."""
        while self._undo:
            self._undo.pop()()
