"""Cross-origin calls of the widget: the browser asks first, and the key's own origins decide afterwards."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALLOWED = (
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
    (b"access-control-allow-headers", b"authorization, content-type, x-api-key, idempotency-key"),
    (b"access-control-max-age", b"600"),
)


class KeyedCors:
    """Answers preflights of /v1 and lets pages read replies.

    No cookie is ever accepted across origins (credentials are not allowed), so what protects a reply is its key,
    and whether that key may be used from the origin is checked with the key itself.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers of the Fetch standard to requests that carry an Origin."""
        headers = dict(scope.get("headers", ()))
        origin = headers.get(b"origin")
        if scope["type"] != "http" or origin is None or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            granted = [(b"access-control-allow-origin", origin), (b"vary", b"Origin"), *_ALLOWED]
            await send({"type": "http.response.start", "status": 204, "headers": granted})
            await send({"type": "http.response.body"})
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                reply = MutableHeaders(scope=message)
                reply["Access-Control-Allow-Origin"] = origin.decode("latin-1")
                reply["Access-Control-Expose-Headers"] = "Location, Retry-After"
                reply.add_vary_header("Origin")
            await send(message)

        await self._app(scope, receive, with_headers)
