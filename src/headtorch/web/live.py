"""Live: tells open pages that a run has grown, or that its diagnosis is new. They then ask for what they show.

One task watches a run, however many pages look at it, and only as long as one does.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

from headtorch.web.shelf import Shelf
from headtorch.web.watched import Watched

LOOK_EVERY = 0.1  # seconds, at a run that grows
REST_EVERY = 1.0  # seconds, at one that has ended
HEARTBEAT = 15.0  # seconds, after which a page that is gone is noticed


class Live:
    """The pages that are open, and what they are told."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._told: dict[str, News] = {}
        self.last_seen = time.monotonic()

    @property
    def viewers(self) -> int:
        """How many pages are open."""
        return sum(news.viewers for news in self._told.values())

    async def events(self, watched: Watched) -> AsyncIterator[str]:
        """Server-sent events for one page until it is closed."""
        news = self._told.setdefault(watched.key, News(watched))
        news.viewers += 1
        if news.task is None:
            news.task = asyncio.create_task(news.watch())
        told, spoke = "", time.monotonic()
        try:
            yield "retry: 1000\n\n"
            while True:
                if news.now != told:
                    told, spoke = news.now, time.monotonic()
                    yield f"data: {told}\n\n"
                elif time.monotonic() - spoke > HEARTBEAT:
                    spoke = time.monotonic()
                    yield ": still here\n\n"
                await asyncio.sleep(LOOK_EVERY / 2)
        finally:
            news.viewers -= 1
            self.last_seen = time.monotonic()
            if not news.viewers and self._told.pop(watched.key, None) is not None and news.task is not None:
                news.task.cancel()


class News:
    """What is new of one run: `now` is what its pages are told, as JSON."""

    def __init__(self, watched: Watched) -> None:
        self.viewers = 0
        self.task: asyncio.Task[None] | None = None
        self.now = ""
        self._watched = watched

    async def watch(self) -> None:
        """Look at the file until cancelled."""
        grown, seen, alive = 0, None, None
        while True:
            # A killed training leaves its file as it was: only its process tells.
            state = self._watched.stamp(), await asyncio.to_thread(self._watched.is_running)
            if state != (seen, alive):
                (seen, alive), grown = state, grown + 1
            if self._watched.is_due():
                self._watched.look()
            self.now = json.dumps({"grown": grown, "running": alive, **self._found()})
            await asyncio.sleep(LOOK_EVERY if alive or self._watched.is_due() else REST_EVERY)

    def _found(self) -> dict[str, object]:
        """Whether there is a diagnosis, and what tells its findings from those of another one."""
        diagnosis = self._watched.diagnosis
        report = diagnosis.report if diagnosis is not None else None
        if report is None:
            return {"looked": diagnosis is not None, "findings": ""}
        places = [f"{one.rule} {one.where.line if one.where else 0}" for one in report.findings]
        return {"looked": True, "findings": f"{report.verdict} {', '.join(places)}"}
