"""Modules: where each was made, what it is called, which root it belongs to. Holds no module alive."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from headtorch.model import Where
from headtorch.record.rows import ROW, sample
from headtorch.record.sharded import kept
from headtorch.record.source import Sources
from headtorch.record.statistics import describable
from headtorch.store import records

_MODE_DEPENDENT_NORMS = (nn.modules.batchnorm._BatchNorm,)
KERAS_WEIGHTS = "_torch_params"  # what holds a layer's weights, each by its whole path
_DROPOUTS = (nn.modules.dropout._DropoutNd, nn.RReLU)


class Modules:
    """The modules of the process: noted when they are made, described when an objective first uses them."""

    def __init__(self, sources: Sources, first_number: int) -> None:
        self._sources = sources
        self._made: dict[int, tuple[weakref.ref[nn.Module], Where | None]] = {}
        self._numbers: dict[int, int] = {}
        self._called: dict[int, Where | None] = {}
        self._next = first_number

    def made(self, module: nn.Module) -> None:
        """Note a module that is being made; the user's line is the one that asked for it, outside its own __init__."""
        key = id(module)
        where = None
        # Its own __init__ and those that this one calls: from a base class outwards to the class itself. Asking a frame
        # for `self` would change what locals() has given the user.
        inits = [getattr(vars(kind).get("__init__"), "__code__", None) for kind in type(module).__mro__]
        for frame in self._sources.user_frames(sys._getframe(1)):
            if frame.f_code not in inits:
                where = self._sources.place(frame)
                break
            inits = inits[: inits.index(frame.f_code)]
        self._made[key] = (weakref.ref(module, lambda _: self._forget(key)), where)

    def _forget(self, key: int) -> None:
        self._made.pop(key, None)
        self._numbers.pop(key, None)
        self._called.pop(key, None)

    def called(self, module: nn.Module) -> None:
        """Note the user's line that calls a module, the first time."""
        if id(module) not in self._called:
            self._called[id(module)] = self._sources.here()

    def number(self, module: nn.Module) -> int:
        """The number of a module in the run file."""
        key = id(module)
        if key not in self._numbers:
            if key not in self._made:  # a copy, or unpickled: its __init__ never ran
                self._made[key] = (weakref.ref(module, lambda _: self._forget(key)), None)
            self._numbers[key] = self._next
            self._next += 1
        return self._numbers[key]

    def tops(self, roots: Iterable[nn.Module]) -> list[nn.Module]:
        """The outermost modules that hold the given ones, each once, in order."""
        parents: dict[int, nn.Module] = {}
        for reference, _ in list(self._made.values()):
            module = reference()
            for child in () if module is None else module._modules.values():
                if child is not None and module is not None:
                    parents.setdefault(id(child), module)
        found: dict[int, nn.Module] = {}
        for module in roots:
            seen = {id(module)}
            while (parent := parents.get(id(module))) is not None and id(parent) not in seen:
                seen.add(id(parent))
                module = parent
            found.setdefault(id(module), module)
        return list(found.values())

    def describe(self, tops: list[nn.Module]) -> Description:
        """Names and records of everything below the given outermost modules."""
        return Description(self, tops)

    def record(self, module: nn.Module, name: str, parent: int | None, owned: tuple[int, ...]) -> records.Module:
        """The record of one module. `owned` are the ids of the parameters it holds itself."""
        made = self._made.get(id(module))
        return records.Module(
            id=self.number(module),
            name=name,
            kind=type(module).__name__,
            parent=parent,
            made_at=made[1] if made else None,
            called_at=self._called.get(id(module)),
            parameters=owned,
            settings=_settings(module),
        )

    def get(self, key: int) -> nn.Module | None:
        """The module of that id(), while it lives."""
        made = self._made.get(key)
        return made[0]() if made else None

    def owner(self, tensor: torch.Tensor) -> tuple[nn.Module, str] | None:
        """The module that holds a parameter itself, and the parameter's name in it."""
        for reference, _ in list(self._made.values()):
            module = reference()
            for name, parameter in () if module is None else module._parameters.items():
                if parameter is not None and kept(parameter) is tensor and module is not None:
                    return module, name
        return None

    def made_at(self, key: int) -> Where | None:
        """The line that made a module, when it is a library's: a class of the user's own is found by what it calls."""
        made = self._made.get(key)
        module = made[0]() if made else None
        return made[1] if made and module is not None and not self._is_users(type(module)) else None

    def _is_users(self, kind: type) -> bool:
        """Whether the user has written something of a class."""
        # FSDP puts a class of its own in the place of the user's, with the user's as its base.
        codes = [getattr(value, "__code__", None) for base in kind.__mro__ for value in vars(base).values()]
        return any(self._sources.is_user(code) for code in codes if code is not None)


class Description:
    """Names of modules and parameters below some outermost modules; with several, names begin with the class."""

    def __init__(self, modules: Modules, tops: list[nn.Module]) -> None:
        self.parameters: dict[int, tuple[torch.Tensor, str, nn.Module]] = {}
        self.modules: dict[int, tuple[nn.Module, str, nn.Module | None]] = {}
        kinds = [type(top).__name__ for top in tops]
        for position, top in enumerate(tops):
            prefix = "" if len(tops) == 1 else kinds[position]
            if kinds.count(prefix) > 1:
                prefix += str(kinds[:position].count(prefix) + 1)
            self._walk(top, prefix, None, set())

    def _walk(self, module: nn.Module, name: str, parent: nn.Module | None, above: set[int]) -> None:
        if id(module) in self.modules or id(module) in above:
            return
        self.modules[id(module)] = (module, name, parent)
        for key, parameter in module._parameters.items():
            if parameter is not None:
                learns = kept(parameter)
                self.parameters.setdefault(id(learns), (learns, f"{name}.{key}" if name else key, module))
        for key, child in module._modules.items():
            if child is not None:
                below = name if key == KERAS_WEIGHTS else f"{name}.{key}" if name else key
                self._walk(child, below, module, above | {id(module)})


def is_library(module: nn.Module) -> bool:
    """Whether a module's class is PyTorch's own rather than the user's."""
    return type(module).__module__.startswith("torch.")


def _settings(module: nn.Module) -> dict[str, Any]:
    names = getattr(type(module), "__constants__", ()) if is_library(module) else ()
    values = {name: getattr(module, name, None) for name in names}
    if is_library(module):  # recurrent layers do not name theirs
        values |= {
            name: getattr(module, name)
            for name in ("batch_first", "bidirectional", "p", "momentum")
            if hasattr(module, name)
        }
    return {
        name: value for name, value in values.items() if value is None or isinstance(value, (int, float, str, bool))
    }


def is_keras(module: nn.Module) -> bool:
    """Whether a module is a layer of Keras, which has its mode as an argument of its call."""
    return hasattr(module, "_call_context_args")


def is_put_together(arguments: tuple[Any, ...]) -> bool:
    """Whether a module of Keras is called with stand-ins for its inputs, to become part of a network."""
    return bool(arguments) and type(arguments[0]).__name__ == "KerasTensor"


def trains(module: nn.Module, arguments: dict[str, Any]) -> bool:
    """Whether a module is called in training mode."""
    return arguments.get("training") is not False if is_keras(module) else module.training


def mode(root: nn.Module, training: bool) -> tuple[int, int, int, int]:
    """How many dropouts a module has and how many of them are switched off; the same for batch norms.

    `training` is how the module was called; PyTorch's own layers have each a mode of their own.
    """
    dropouts = dropouts_off = norms = norms_off = 0
    if is_keras(root):
        layers: list[Any] = list(root._flatten_layers())  # type: ignore[operator]
        kinds = [type(layer).__name__ for layer in layers if layer.trainable]
        dropouts = sum("Dropout" in kind for kind in kinds)
        norms = kinds.count("BatchNormalization")
        return dropouts, 0 if training else dropouts, norms, 0 if training else norms
    for module in nn.Module.modules(root):
        if isinstance(module, _DROPOUTS) and getattr(module, "p", 1.0) > 0:
            dropouts += 1
            dropouts_off += not module.training
        elif isinstance(module, _MODE_DEPENDENT_NORMS) and module.track_running_stats:
            norms += 1
            norms_off += not module.training
    return dropouts, dropouts_off, norms, norms_off


def batches_behind(evaluated: nn.Module, trained: nn.Module) -> torch.Tensor | None:
    """How many batches the running statistics of a copy have counted, and those of the network it is a copy of, and the
    sum of the copy's running means, (3,): an average of all floating-point buffers moves without counting.

    None when the two do not have equal batch norms, or share them.
    """
    copies, originals = _norms(evaluated), _norms(trained)
    same = [norm.num_features for norm in copies] == [norm.num_features for norm in originals]
    if not copies or not same or copies[0] is originals[0] or any(norm.training for norm in copies):
        return None
    means = torch.stack([norm.running_mean.detach().float().sum() for norm in copies])
    return torch.stack([_seen(copies).amin().float(), _seen(originals).amax().float(), means.sum()])


def weights_behind(evaluated: nn.Module, trained: nn.Module) -> torch.Tensor | None:
    """The length of the first matrix of a copy, and that of its difference from the network that it is a copy of, (2,).

    None when the two are not of one form, or share the matrix.
    """
    copies, originals = (list(nn.Module.parameters(module)) for module in (evaluated, trained))
    if [copy.shape for copy in copies] != [original.shape for original in originals]:
        return None
    pairs = zip(copies, originals, strict=True)
    copy, original = next(((a.detach(), b.detach()) for a, b in pairs if a.dim() > 1), (None, None))
    if copy is None or original is None or copy is original or not (describable(copy) and describable(original)):
        return None
    mine, theirs = (sample(weight, ROW).float() for weight in (copy, original))
    return torch.stack([torch.linalg.vector_norm(mine), torch.linalg.vector_norm(mine - theirs)])


def _norms(root: nn.Module) -> list[Any]:
    norms = [module for module in nn.Module.modules(root) if isinstance(module, _MODE_DEPENDENT_NORMS)]
    return [norm for norm in norms if norm.num_batches_tracked is not None]


def _seen(norms: list[Any]) -> torch.Tensor:
    return torch.stack([norm.num_batches_tracked.detach() for norm in norms])


def other_numbers(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """The first tensor of floating-point numbers that a module is given behind its first tensor; None without one."""
    tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor)]
    return next((tensor for tensor in tensors[1:] if tensor.is_floating_point() and tensor.dim() > 1), None)


def first_tensor(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """The first tensor that a module is given, alone or at the head of a list; None where there is none."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, torch.Tensor):
            return value
        if isinstance(value, (tuple, list)) and value and isinstance(value[0], torch.Tensor):
            return value[0]
    return None
