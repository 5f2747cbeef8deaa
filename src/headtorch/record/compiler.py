"""What our functions have to do with torch.compile, CUDA graphs and other ways to record operations: nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from headtorch.record import after_import


def operations_are_not_run() -> bool:
    """Whether operations are recorded or transformed instead of run, so that ours would be taken for the user's.

    A CUDA graph that is being captured would run ours again at every replay. Without CUDA in use this asks nothing.
    """
    return (
        torch._C._len_torch_dispatch_stack() > 0
        or torch._C._is_tracing()
        or torch._C._functorch.peek_interpreter_stack() is not None
        or (torch.cuda._initialized and torch.cuda.is_current_stream_capturing())
    )


def leave_uncompiled(*functions: Callable[..., Any]) -> None:
    """Keep torch.compile from compiling these by themselves; it still traces through them where it meets them."""

    def skip() -> None:
        from torch._dynamo.decorators import skip_code  # type: ignore[attr-defined]

        for function in functions:
            skip_code(function.__code__)

    after_import("torch._dynamo", skip)
