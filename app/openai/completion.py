"""An answer in OpenAI's forms: one completion, or chunks.

https://platform.openai.com/docs/api-reference/chat/object and /chat/streaming. What OpenAI has no place for is
under `ragstone`; citations are `annotations`, as its own web search gives them.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from app.answering.citations import Citation
from app.answering.events import AnswerDone, AnswerEvent, AnswerFailed, AnswerText, SourcesFound
from app.answers.schemas import citation_data, done_data, sources_data
from app.problems import openai_error_of

_DONE = b"data: [DONE]\n\n"


@dataclass(slots=True)
class Completion:
    """Writes one completion. base_url leads to our own pages, for documents without an address of their own."""

    collection: str
    base_url: str
    include_usage: bool = False
    created: int = field(default_factory=lambda: int(time.time()))
    _id: str = "chatcmpl-0"
    _sources: Mapping[str, Any] = field(default_factory=dict)

    async def as_chunks(self, events: AsyncGenerator[AnswerEvent, None]) -> AsyncGenerator[bytes, None]:
        """Yield server-sent chunks; the first waits for the first text: a failure before it is a status."""
        role: dict[str, Any] = {"role": "assistant"}
        async with aclosing(events):
            async for event in events:
                if isinstance(event, SourcesFound):
                    self._begin(event)
                elif isinstance(event, AnswerText):
                    yield self._chunk({**role, "content": event.text}, logprobs=event.logprobs)
                    role = {}
                elif isinstance(event, AnswerFailed):
                    yield _frame(openai_error_of(event.error))
                elif isinstance(event, AnswerDone):
                    yield self._last(event)

    def _last(self, done: AnswerDone) -> bytes:
        final = self._chunk(
            {"annotations": self._annotations(done.citations)},
            finish_reason=done.finish_reason,
            ragstone=self._extension(done),
        )
        usage = _frame({**self._head("chat.completion.chunk"), "choices": [], "usage": _usage(done)})
        return final + (usage if self.include_usage else b"") + _DONE

    async def as_json(self, events: AsyncGenerator[AnswerEvent, None]) -> AsyncGenerator[bytes, None]:
        """Yield the whole completion; raises what the generator failed with."""
        logprobs: list[Mapping[str, Any]] = []
        async with aclosing(events):
            async for event in events:
                if isinstance(event, SourcesFound):
                    self._begin(event)
                elif isinstance(event, AnswerText):
                    logprobs += event.logprobs
                elif isinstance(event, AnswerFailed):
                    raise event.error
                elif isinstance(event, AnswerDone):
                    yield json.dumps(self._whole(event, logprobs), ensure_ascii=False).encode("utf-8", "replace")

    def _whole(self, done: AnswerDone, logprobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        message = {
            "role": "assistant",
            "content": done.text,
            "refusal": None,
            "annotations": self._annotations(done.citations),
        }
        choice = {
            "index": 0,
            "message": message,
            "logprobs": {"content": list(logprobs), "refusal": None} if logprobs else None,
            "finish_reason": done.finish_reason,
        }
        return {
            **self._head("chat.completion"),
            "choices": [choice],
            "usage": _usage(done),
            "ragstone": self._extension(done),
        }

    def _begin(self, found: SourcesFound) -> None:
        self._id = f"chatcmpl-{found.answer_id}"
        self._sources = sources_data(found)

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self.created, "model": self.collection}

    def _chunk(
        self,
        delta: Mapping[str, Any],
        *,
        logprobs: Sequence[Mapping[str, Any]] = (),
        finish_reason: str | None = None,
        ragstone: Mapping[str, Any] | None = None,
    ) -> bytes:
        choice: dict[str, Any] = {
            "index": 0,
            "delta": delta,
            "logprobs": {"content": list(logprobs), "refusal": None} if logprobs else None,
            "finish_reason": finish_reason,
        }
        chunk = {**self._head("chat.completion.chunk"), "choices": [choice]}
        if self.include_usage:
            chunk["usage"] = None  # as OpenAI does: null in every chunk but the last
        if ragstone is not None:
            chunk["ragstone"] = ragstone
        return _frame(chunk)

    def _annotations(self, citations: Sequence[Citation]) -> list[dict[str, Any]]:
        return [self._annotation(citation) for citation in citations]

    def _annotation(self, citation: Citation) -> dict[str, Any]:
        """A citation as OpenAI's url_citation, with what else we know of it."""
        data = citation_data(citation)
        url = data["uri"] or (
            f"{self.base_url}/v1/collections/{quote(self.collection)}/documents/{quote(data['document_id'])}"
        )
        start, end = data.pop("answer_start"), data.pop("answer_end")
        named = {"start_index": start, "end_index": end, "title": data.pop("title"), "url": url}
        return {"type": "url_citation", "url_citation": {**named, **data}}

    def _extension(self, done: AnswerDone) -> dict[str, Any]:
        data = done_data(done)
        for name in ("text", "finish_reason", "usage"):
            del data[name]  # OpenAI's own fields say it
        return {**self._sources, **data}


def _usage(done: AnswerDone) -> dict[str, int]:
    usage = done.usage
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }


def _frame(data: Mapping[str, Any]) -> bytes:
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"data: {body}\n\n".encode("utf-8", "replace")
