"""Server: serves the pages of run files on this machine until it is interrupted, or left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import time
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn

from headtorch.model import UserError
from headtorch.rules import Rule
from headtorch.web.guard import Guard
from headtorch.web.labs.pages import LabPages
from headtorch.web.labs.worker import Worker
from headtorch.web.pages import Pages
from headtorch.web.shelf import Shelf

HOST = "127.0.0.1"
LEFT = 60.0  # seconds without a page, after which a server that is to end on its own does


def serve(
    folder: Path,
    runs: Sequence[Path],
    rules: tuple[Rule, ...],
    *,
    port: int,
    browser: bool,
    until_left: bool,
    say: Callable[[str], None],
) -> None:
    """Serve until interrupted; `until_left` ends it when no named run is recorded any more and no page is open."""
    listening = _listen(port)
    shelf = Shelf(folder, runs, rules)
    port = listening.getsockname()[1]
    token = secrets.token_urlsafe(18)
    pages, worker = Pages(shelf), Worker()
    config = uvicorn.Config(
        Guard(pages.app(LabPages(worker).routes()), token, port),
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = uvicorn.Server(config)
    address = f"http://{HOST}:{port}{_first(shelf)}"
    address += f"{'&' if '?' in address else '?'}token={token}"
    say(f"{address}\n(this address is for you alone; Ctrl+C ends the page)")
    if browser and _has_display():
        webbrowser.open(address)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_run(server, listening, shelf, pages, worker, until_left=until_left))
    finally:
        shelf.close()


def _first(shelf: Shelf) -> str:
    """Where a browser begins: the named run, several over one another, or the list."""
    keys = [shelf.key(path) for path in shelf.named]
    if not keys:
        return "/"
    return f"/run/{keys[0]}" if len(keys) == 1 else "/compare?" + "&".join(f"run={key}" for key in keys)


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A server that was just ended leaves its port waiting.
    if os.name == "posix":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise UserError(f"cannot listen on port {port}: {error.strerror}; choose another with --port") from error
    return listening


async def _run(
    server: uvicorn.Server, listening: socket.socket, shelf: Shelf, pages: Pages, worker: Worker, *, until_left: bool
) -> None:
    leaving = asyncio.create_task(_end_when_left(server, shelf, pages)) if until_left else None
    if not _is_training(shelf):  # else the processor is the training's, until someone wants a lab
        worker.begin()
    try:
        await server.serve(sockets=[listening])
    finally:
        await worker.close()
    if leaving is not None:
        leaving.cancel()


async def _end_when_left(server: uvicorn.Server, shelf: Shelf, pages: Pages) -> None:
    while not server.should_exit:
        await asyncio.sleep(1)
        if _is_training(shelf) or pages.live.viewers:
            pages.live.last_seen = time.monotonic()
        elif time.monotonic() - pages.live.last_seen > LEFT:
            server.should_exit = True


def _is_training(shelf: Shelf) -> bool:
    """Whether a named run is recorded now."""
    watched = [found for path in shelf.named if (found := shelf.get(shelf.key(path))) is not None]
    return any(one.is_running() for one in watched)


def _has_display() -> bool:
    """Whether a browser could show itself, rather than take the terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
