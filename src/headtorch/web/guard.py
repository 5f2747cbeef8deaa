"""Guard: who may ask this server, and what its pages may load. It stands before every route.

Other programs of this machine, and pages of other sites in the same browser, can reach a port of 127.0.0.1. So each
address carries a token, which becomes a cookie; the name in Host must be this machine's, against pages that let their
own name point here (DNS rebinding); and what could change something must come from a page of this server (Origin).
"""

from __future__ import annotations

import hmac
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMES = {"127.0.0.1", "localhost", "[::1]"}
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
REFUSED = "headtorch: open the address that `headtorch view` printed: it holds a token that this one lacks\n"


class Guard:
    """Lets through what comes from this machine's browser with the token, and sends each answer with `HEADERS`."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._token = token
        self._cookie = f"headtorch-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope) if scope["type"] == "http" else PlainTextResponse("", 404)
        await (answer or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        request = Request(scope)
        headers = Headers(scope=scope)
        if not _is_here(f"//{headers.get('host', '')}"):
            return PlainTextResponse("headtorch answers under 127.0.0.1 and localhost only\n", 403)
        origin = headers.get("origin")
        if request.method not in ("GET", "HEAD") and origin != f"http://{headers.get('host', '')}":
            return PlainTextResponse("headtorch takes this from its own pages only\n", 403)
        if (given := request.query_params.get("token")) is not None and request.method == "GET":
            if not self._is_token(given):
                return PlainTextResponse(REFUSED, 403)
            rest = [(key, value) for key, value in request.query_params.multi_items() if key != "token"]
            # The token leaves the address, so that it is in no history, bookmark or screenshot.
            answer = RedirectResponse(request.url.path + (f"?{urlencode(rest)}" if rest else ""), 303)
            answer.set_cookie(self._cookie, self._token, httponly=True, samesite="lax")
            return answer
        if not self._is_token(request.cookies.get(self._cookie, "")):
            return PlainTextResponse(REFUSED, 403)
        return None

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())


def _is_here(address: str) -> bool:
    """Whether an address names this machine, at any port: one may be forwarded to another."""
    try:
        host, port = urlsplit(address).netloc, urlsplit(address).port
    except ValueError:
        return False
    return (host.rpartition(":")[0] if port is not None else host).lower() in NAMES
