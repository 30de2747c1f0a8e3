"""An answer's events as bytes: server-sent events, or one JSON object."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from app.answering.citations import Citation
from app.answering.events import AnswerDone, AnswerEvent, AnswerFailed, AnswerText, SourcesFound
from app.answers.schemas import citation_data, done_data, failed_data, sources_data, text_data
from app.streaming import event_frame


def event_of(event: AnswerEvent) -> tuple[str, dict[str, Any]]:
    """Return an event's name and data."""
    match event:
        case AnswerText():
            return "delta", text_data(event)
        case Citation():
            return "citation", citation_data(event)
        case SourcesFound():
            return "sources", sources_data(event)
        case AnswerDone():
            return "done", done_data(event)
        case AnswerFailed():
            return "error", failed_data(event)


async def as_frames(events: AsyncGenerator[AnswerEvent, None]) -> AsyncGenerator[bytes, None]:
    """Yield server-sent events, numbered from 0.

    The sources wait for the first text: until then a failure is still an HTTP status, not an event.
    """
    held, seq = b"", 0
    async with aclosing(events):
        async for event in events:
            name, data = event_of(event)
            frame = event_frame(name, seq, data)
            seq += 1
            if isinstance(event, SourcesFound):
                held = frame
                continue
            yield held + frame
            held = b""


async def as_json(events: AsyncGenerator[AnswerEvent, None]) -> AsyncGenerator[bytes, None]:
    """Yield the whole answer with its sources as one JSON object; raises what the generator failed with."""
    found: dict[str, Any] = {}
    async with aclosing(events):
        async for event in events:
            if isinstance(event, SourcesFound):
                found = sources_data(event)
            elif isinstance(event, AnswerFailed):
                raise event.error
            elif isinstance(event, AnswerDone):
                yield json.dumps({**found, **done_data(event)}, ensure_ascii=False).encode("utf-8", "replace")
