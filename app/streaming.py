"""Responses that last: written straight to ASGI, with pings, and ended at once when their reader goes.

Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
What this costs beside Starlette's StreamingResponse: docs/decisions/upstream-client.md.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

_PING = b": ping\n\n"
EVENT_STREAM_HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",  # nginx would collect the stream otherwise
}


class _ReaderGone(Exception):
    """The connection was closed, or its reader has taken nothing for too long."""


def event_frame(event: str, seq: int, data: Mapping[str, Any]) -> bytes:
    """Return one server-sent event whose id and `seq` are its number in the stream."""
    body = json.dumps({"seq": seq, **data}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {event}\nid: {seq}\ndata: {body}\n\n".encode("utf-8", "replace")


class LiveResponse(Response):
    """Sends what an iterator yields, as it comes.

    The status goes out with the first piece: whatever the iterator raises before it becomes an ordinary error
    response. The iterator is closed, and with it all that it waits for, as soon as the reader goes. A slow reader
    holds the iterator up, never memory: each piece is handed over before the next is asked for.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        *,
        media_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        ping: bytes = b"",
        ping_s: float = 10.0,
        write_timeout_s: float = 60.0,
    ) -> None:
        """ping is sent after ping_s of silence within the stream; write_timeout_s: longest wait for the reader."""
        self._pieces = pieces
        self._ping = ping
        self._ping_s = ping_s
        self._write_timeout_s = write_timeout_s
        self._last_write = 0.0
        self._writing_since: float | None = None
        self._started = False
        self.background = None
        self.status_code = 200
        self.media_type = media_type
        self.init_headers(headers)  # without a body there is no length

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the stream beside one task that watches for the reader's end and one that watches the clock."""
        try:
            async with asyncio.TaskGroup() as tasks:
                watchers = [
                    tasks.create_task(self._watch_reader(receive)),
                    tasks.create_task(self._watch_clock(send)),
                ]
                await self._send_all(send)
                for watcher in watchers:
                    watcher.cancel()
        except BaseExceptionGroup as group:
            failed = group.split(_ReaderGone)[1]
            if failed is not None:
                raise _only(failed) from None

    async def _send_all(self, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                await self._write(send, piece)
        await self._write(send, b"", more=False)

    async def _write(self, send: Send, body: bytes, *, more: bool = True) -> None:
        self._writing_since = time.monotonic()
        if not self._started:
            self._started = True
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        message: Message = {"type": "http.response.body", "body": body, "more_body": more}
        try:
            await send(message)
        except OSError as error:  # ASGI 2.4: how a server says that the reader has gone
            raise _ReaderGone from error
        self._writing_since = None
        self._last_write = time.monotonic()

    async def _watch_reader(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        raise _ReaderGone

    async def _watch_clock(self, send: Send) -> None:
        """Looks now and then, so that no piece pays for a timer of its own."""
        while True:
            await asyncio.sleep(min(self._ping_s, self._write_timeout_s) / 4)
            now = time.monotonic()
            if self._writing_since is not None:
                if now - self._writing_since > self._write_timeout_s:
                    raise _ReaderGone
            elif self._ping and self._started and now - self._last_write >= self._ping_s:
                await self._write(send, self._ping)


class EventStreamResponse(LiveResponse):
    """Server-sent events, from an iterator of whole frames."""

    def __init__(
        self, frames: AsyncGenerator[bytes, None], *, ping_s: float = 10.0, write_timeout_s: float = 60.0
    ) -> None:
        super().__init__(
            frames,
            media_type="text/event-stream",
            headers=EVENT_STREAM_HEADERS,
            ping=_PING,
            ping_s=ping_s,
            write_timeout_s=write_timeout_s,
        )


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The exception that the stream raised, out of the group that the task group makes of it."""
    first = group.exceptions[0]
    return _only(first) if isinstance(first, BaseExceptionGroup) else first
