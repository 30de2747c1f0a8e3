"""How much of a request's body is read: no more than is accepted, whatever was announced."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message

from core.errors import TooLarge
from core.settings import Settings


class BoundedRoute(APIRoute):
    """A route whose JSON is bounded: FastAPI reads all of it into memory, before it asks who sends it.

    Its own `max_body_size` answers an announced length in plain text, whatever the handlers of errors say.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:  # noqa: D102 - see APIRoute
        handle = super().get_route_handler()
        if self.body_field is None:  # none is read, or the endpoint reads it piece by piece
            return handle

        async def bounded(request: Request) -> Response:
            settings: Settings = request.app.state.settings
            sent = limited(request, settings.max_json_bytes)
            await sent.body()  # kept by the request: FastAPI takes any error while it reads one for bad JSON
            return await handle(sent)

        return bounded


def check_announced(request: Request, limit_bytes: int) -> None:
    """Refuse by Content-Length, before the body is read; what lies about it is stopped while reading."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit_bytes:
        raise TooLarge(f"The request has {int(announced):,} bytes; at most {limit_bytes:,} are accepted here.")


def limited(request: Request, limit_bytes: int) -> Request:
    """Return the request with a body that raises TooLarge past the limit; at once, where more is announced."""
    check_announced(request, limit_bytes)
    receive = request.receive
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit_bytes:
            raise TooLarge(f"The request is larger than the {limit_bytes:,} bytes accepted here.")
        return message

    return Request(request.scope, counted)
