"""The pages of the labs: their list, each with its knobs, and the frames of an experiment as they come.

The knobs stand in the address, so that a setting is a link.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from headtorch.labs import Lab, all_labs, lab_named
from headtorch.labs.kit.knobs import parsed
from headtorch.labs.kit.words import BEGINNING, WORDS
from headtorch.model import UserError
from headtorch.render.html.lab import page
from headtorch.render.html.templates import drawn
from headtorch.web.labs.wanted import Described, Shown
from headtorch.web.labs.worker import Worker

DRAW = "draw"  # in an address: the page is to come with its picture, for who runs no scripts
REFUSED = 400


class LabPages:
    """The routes of the labs."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def routes(self) -> list[BaseRoute]:
        """What the application is to carry."""
        return [
            Route("/labs", self.list),
            Route("/lab/{name}", self.lab),
            Route("/lab/{name}/frames", self.frames),
        ]

    async def list(self, request: Request) -> Response:
        """All labs in the reading order. Who looks at it will soon open one."""
        self._worker.begin()
        return HTMLResponse(drawn("labs.html", title="Labs", labs=all_labs(), words=WORDS, beginning=BEGINNING))

    async def lab(self, request: Request) -> Response:
        """The page of a lab."""
        lab, texts = _asked(request)
        described = await self._worker.described(lab.name)
        trouble = described.trouble or _refusal(described, texts)
        frame = None
        if not trouble and DRAW in request.query_params:
            frame, trouble = await self._whole(lab, texts)
        shown = page(lab, all_labs(), described.knobs, described.claims, texts, trouble=trouble, frame=frame)
        return HTMLResponse(shown.encode("utf-8", "backslashreplace"), REFUSED if _refusal(described, texts) else 200)

    async def frames(self, request: Request) -> Response:
        """The experiment as server-sent events until it ends, or nobody listens any more."""
        lab, texts = _asked(request)
        described = await self._worker.described(lab.name)
        if refusal := described.trouble or _refusal(described, texts):
            return PlainTextResponse(refusal.encode("utf-8", "backslashreplace"), REFUSED)
        return StreamingResponse(self._events(lab, texts), media_type="text/event-stream")

    async def _events(self, lab: Lab, texts: dict[str, str]) -> AsyncIterator[str]:
        async with aclosing(self._worker.frames(lab.name, texts)) as frames:
            async for shown in frames:
                yield f"data: {json.dumps(_told(shown))}\n\n"

    async def _whole(self, lab: Lab, texts: dict[str, str]) -> tuple[Markup | None, str]:
        """The last picture of an experiment, and why it is none."""
        frame, trouble = None, ""
        async with aclosing(self._worker.frames(lab.name, texts)) as frames:
            async for shown in frames:
                frame, trouble = Markup(shown.picture) if shown.picture else frame, shown.trouble
        return frame, trouble


def _asked(request: Request) -> tuple[Lab, dict[str, str]]:
    """The lab of an address, and what that says of its knobs."""
    texts = {name: text for name, text in request.query_params.items() if name != DRAW}
    return lab_named(request.path_params["name"]), texts


def _refusal(described: Described, texts: dict[str, str]) -> str:
    """Why the knobs cannot be set so."""
    if not described.knobs:
        return ""
    try:
        parsed(described.knobs, texts)
    except UserError as error:
        return str(error)
    return ""


def _told(shown: Shown) -> dict[str, object]:
    return {name: getattr(shown, name) for name in shown.__struct_fields__}
