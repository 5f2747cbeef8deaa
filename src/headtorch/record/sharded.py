"""Sharded: tensors of which this process holds a part, or for a while nothing at all.

FSDP shares parameters out among processes. An optimizer holds this process's part of each, a DTensor; for a pass
another parameter takes its place that was gathered from all, and whose memory is freed after it. To read freed memory
ends the process, and an operation on a DTensor may have to ask other processes, which know nothing of it.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any

import torch

from headtorch.record import after_import
from headtorch.record.patches import Patches

_FSDP = "torch.distributed.fsdp._fully_shard._fsdp_param"
_kept: dict[int, tuple[weakref.ref[torch.Tensor], weakref.ref[torch.Tensor]]] = {}  # by id of what was gathered


def is_sharded(tensor: torch.Tensor) -> bool:
    """Whether a tensor is laid out over several processes."""
    return type(tensor).__name__ == "DTensor"


def held(tensor: torch.Tensor) -> torch.Tensor | None:
    """What of a tensor lies in this process's memory; None where that is nothing for now."""
    if is_sharded(tensor):
        tensor = tensor._local_tensor  # type: ignore[attr-defined]
    try:
        freed = tensor.layout is torch.strided and tensor.numel() > 0 and not tensor.untyped_storage().size()
    except (RuntimeError, NotImplementedError):  # of a kind that has no memory of its own
        return tensor
    return None if freed else tensor


def kept(tensor: torch.Tensor) -> torch.Tensor:
    """The parameter that learns: the one behind what was gathered for a pass, else the tensor itself."""
    known = _kept.get(id(tensor)) if _kept else None
    behind = known[1]() if known is not None and known[0]() is tensor else None
    return tensor if behind is None else behind


def tap_sharding(contained: Callable[..., Any], patches: Patches) -> None:
    """Note what FSDP gathers, once it is there."""
    after_import(_FSDP, functools.partial(contained, _tap, contained, patches))


def _tap(contained: Callable[..., Any], patches: Patches) -> None:
    kind = sys.modules[_FSDP].FSDPParam
    original = kind.init_unsharded_param

    # It is left alone by torch.compile as all of FSDP's hooks are, and may come while torch.compile is being imported.
    @functools.wraps(original)
    def gathered(self: Any) -> None:
        original(self)
        contained(_note, self)

    patches.put(kind, "init_unsharded_param", gathered)


def _note(parameter: Any) -> None:
    whole, part = parameter._unsharded_param, parameter.sharded_param
    known = _kept.get(id(whole))
    if known is None or known[0]() is not whole or known[1]() is not part:
        _kept[id(whole)] = weakref.ref(whole), weakref.ref(part)
