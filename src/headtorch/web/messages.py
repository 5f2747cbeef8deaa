"""Messages between the server and the processes that work for it: MessagePack with its length before it."""

from __future__ import annotations

from typing import IO, TypeVar

import msgspec

LENGTH = 8  # bytes
Message = TypeVar("Message")


def packed(message: msgspec.Struct) -> bytes:
    """A message as it is sent."""
    data = msgspec.msgpack.encode(message)
    return len(data).to_bytes(LENGTH, "big") + data


def send(stream: IO[bytes], message: msgspec.Struct) -> None:
    """Send a message."""
    stream.write(packed(message))
    stream.flush()


def receive(stream: IO[bytes], kind: type[Message]) -> Message | None:
    """The next message; None where there is none any more."""
    length = stream.read(LENGTH)
    data = stream.read(int.from_bytes(length, "big")) if len(length) == LENGTH else b""
    return msgspec.msgpack.decode(data, type=kind) if data else None
