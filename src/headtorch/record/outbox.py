"""Outbox: brings measured vectors from the device to the writer without making the device wait.

On the CPU a value is there at once. On an accelerator vectors gather for some steps and travel in one copy. On a GPU
that copy does not block, and is read when it has passed; other accelerators are waited for, once in so many vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

WINDOW = 256  # vectors

Deliver = Callable[[int, str, int, Sequence[float]], None]


class Parcel(NamedTuple):
    """A measured vector with its address."""

    owner: int
    quantity: str
    step: int
    vector: torch.Tensor


class Held:
    """An outbox that keeps its parcels until someone decides."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []

    def put(self, owner: int, quantity: str, step: int, vector: torch.Tensor) -> None:
        """Keep a vector. It must not change any more."""
        self.parcels.append(Parcel(owner, quantity, step, vector.detach()))


class Outbox:
    """Delivers vectors to `deliver(owner, quantity, step, values)`, in order for each device."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._waiting: dict[torch.device, list[Parcel]] = {}
        self._travelling: list[tuple[Any, torch.Tensor, list[tuple[int, str, int, int]]]] = []

    def put(self, owner: int, quantity: str, step: int, vector: torch.Tensor) -> None:
        """Send a vector on its way. It must not change any more."""
        vector = vector.detach().reshape(-1)
        if vector.device.type == "cpu":
            self._deliver(owner, quantity, step, vector.tolist())
        elif vector.device.type != "meta":
            waiting = self._waiting.setdefault(vector.device, [])
            waiting.append(Parcel(owner, quantity, step, vector.float()))
            if len(waiting) >= WINDOW:
                self.dispatch()

    def dispatch(self) -> None:
        """Start the copy of what waits on accelerators, and deliver what has arrived."""
        for device, parcels in self._waiting.items():
            if not parcels:
                continue
            joined = torch.cat([parcel.vector for parcel in parcels])
            host = torch.empty(joined.shape, pin_memory=device.type == "cuda")
            passed = torch.cuda.Event() if device.type == "cuda" else None
            host.copy_(joined, non_blocking=passed is not None)
            if passed is not None:
                passed.record(torch.cuda.current_stream(device))
            addresses = [(p.owner, p.quantity, p.step, p.vector.numel()) for p in parcels]
            self._travelling.append((passed, host, addresses))
            parcels.clear()
        self._receive(wait=False)

    def close(self) -> None:
        """Deliver everything."""
        self.dispatch()
        self._receive(wait=True)

    def _receive(self, wait: bool) -> None:
        while self._travelling:
            passed, host, addresses = self._travelling[0]
            if passed is not None and not passed.query():
                if not wait:
                    return
                passed.synchronize()
            values = host.tolist()
            start = 0
            for owner, quantity, step, size in addresses:
                self._deliver(owner, quantity, step, values[start : start + size])
                start += size
            self._travelling.pop(0)
