"""vLLM, or any server with OpenAI's chat endpoint, as a generator.

aiohttp and not httpx or the openai package: see docs/decisions/upstream-client.md for what each costs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import aiohttp

from app.answering.admission import Admission
from app.answering.event_stream import EventStreamDecoder, EventTooLong
from app.answering.generator import Delta, Prompt, Usage
from app.answering.params import GenerationParams
from core.errors import GeneratorUnavailable, InvalidInput, RagstoneError
from core.settings import Settings

logger = logging.getLogger("ragstone.upstream")

_BACKOFF_S = 0.25
_LONGEST_BACKOFF_S = 4.0
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_CALLERS_FAULT = frozenset({400, 413, 422})
_READ_BUFFER_BYTES = 1 << 16
_LONGEST_MESSAGE = 300
_MODEL_KNOWN_S = 60.0
# Characters of a token, on average and generously: a server that goes on past max_tokens is cut off by them.
_CHARS_PER_TOKEN = 16


class _TryAgain(Exception):
    """Nothing was said yet and another attempt may succeed; error is what the caller sees if none does."""

    def __init__(self, error: GeneratorUnavailable, wait_s: float = 0.0) -> None:
        super().__init__(error.detail)
        self.error = error
        self.wait_s = wait_s


class OpenAIGenerator:
    """Streams from `{base_url}/chat/completions`, on one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admission = Admission(settings.llm_concurrency, settings.llm_queue, settings.llm_queue_timeout_s)
        self._model = settings.llm_model
        self._context_tokens = 0
        self._model_known_until = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections, ending what still runs; idempotent."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def name(self) -> str:
        """The model's name, once it is known."""
        return self._model or "the model server's first"

    @property
    def admission(self) -> Admission:
        """The gate, for metrics."""
        return self._admission

    async def check(self) -> None:
        """Raise GeneratorUnavailable where the server does not answer now."""
        await self._ask_for_models()

    async def context_tokens(self) -> int:
        """Tokens that prompt and answer share: the setting, or what the server says its model takes if less."""
        await self._discover()
        known = self._context_tokens or self._settings.llm_context_tokens
        return min(known, self._settings.llm_context_tokens)

    async def stream(self, prompt: Prompt, params: GenerationParams) -> AsyncGenerator[Delta, None]:
        """Write an answer: see Generator.stream. Retries, with pauses, until the first token and never after."""
        async with self._admission.slot():
            await self._discover()
            body = self._body(prompt, params)
            allowed = _CHARS_PER_TOKEN * (params.max_tokens or self._settings.llm_max_tokens)
            attempt = 0
            while True:
                deltas = self._attempt(body)
                try:
                    async for delta in deltas:
                        allowed -= max(1, len(delta.text))
                        if allowed < 0:
                            logger.warning("the model server went on past max_tokens and was cut off")
                            yield Delta(finish_reason="length")
                            return
                        yield delta
                    return
                except _TryAgain as failed:
                    if attempt >= self._settings.llm_retries:
                        raise failed.error from failed
                    wait_s = max(failed.wait_s, _pause_s(attempt))
                    logger.info("model server: %s; again in %.2f s", failed, wait_s)
                finally:
                    await deltas.aclose()
                attempt += 1
                await asyncio.sleep(wait_s)

    def _body(self, prompt: Prompt, params: GenerationParams) -> bytes:
        body: dict[str, Any] = {"max_tokens": self._settings.llm_max_tokens}
        body |= params.model_dump(exclude_none=True)
        body |= {
            "model": self._model,
            "messages": [{"role": m.role, "content": _encodable(m.content)} for m in prompt.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        return json.dumps(body, ensure_ascii=False).encode()

    async def _attempt(self, body: bytes) -> AsyncGenerator[Delta, None]:
        """One request; raises _TryAgain only before the first delta with text."""
        deadline = time.monotonic() + self._settings.llm_first_token_timeout_s
        response = await self._post(body, deadline)
        begun = finished = False
        decoder = EventStreamDecoder()
        try:
            while True:
                chunk = await self._read(response, deadline, begun=begun)
                ended = not chunk
                try:
                    events = decoder.flush() if ended else decoder.feed(chunk)
                except EventTooLong as error:
                    raise GeneratorUnavailable(f"The model server sent {error}.") from error
                for event in events:
                    if event == "[DONE]":
                        return
                    delta = _delta(event)
                    if delta is None:
                        continue
                    begun = True
                    finished = finished or delta.finish_reason is not None
                    yield delta
                if events:
                    deadline = time.monotonic() + self._settings.llm_idle_timeout_s if begun else deadline
                if ended and finished:
                    return  # some servers leave [DONE] out
                if ended:
                    broken = GeneratorUnavailable("The model server ended its answer too early.")
                    raise broken if begun else _TryAgain(broken)
        finally:
            response.close()  # not release(): whatever is still being written upstream is to stop now

    async def _post(self, body: bytes, deadline: float) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0)):
                response = await self._client.post(
                    f"{self._settings.llm_base_url}/chat/completions",
                    data=body,
                    headers={"Content-Type": "application/json", "Accept": "text/event-stream"},
                )
        except TimeoutError as error:
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                raise _TryAgain(GeneratorUnavailable(self._unreachable("it accepts no connection"))) from error
            raise self._too_slow() from error
        except aiohttp.ClientError as error:
            raise _TryAgain(GeneratorUnavailable(self._unreachable(_reason(error)))) from error
        if response.status == 200:
            return response
        raise await self._refused(response)

    async def _read(self, response: aiohttp.ClientResponse, deadline: float, *, begun: bool) -> bytes:
        """The bytes that have come; empty at the end. A deadline passed is the model's fault, not ours."""
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0)):
                return await response.content.readany()
        except TimeoutError as error:
            if not begun:
                raise self._too_slow() from error
            raise GeneratorUnavailable(
                f"The model server fell silent for {self._settings.llm_idle_timeout_s:g} seconds."
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            broken = GeneratorUnavailable("The connection to the model server broke.")
            if begun:
                raise broken from error
            raise _TryAgain(broken) from error

    async def _refused(self, response: aiohttp.ClientResponse) -> Exception:
        """What a reply other than 200 means: worth another attempt, the request's fault, or the operator's."""
        try:
            async with asyncio.timeout(5):
                message = _message(await response.content.read(1 << 16))
        except (TimeoutError, aiohttp.ClientError):
            message = ""
        finally:
            response.close()
        said = f"The model server answered {response.status}" + (f": {message}" if message else ".")
        if response.status in _RETRIED:
            return _TryAgain(GeneratorUnavailable(said), _retry_after_s(response.headers))
        if response.status in _CALLERS_FAULT:
            return InvalidInput(said)
        self._model_known_until = 0.0  # a 404 may mean that another model is served by now
        return GeneratorUnavailable(said)

    async def _discover(self) -> None:
        """Learn the model's name and context, now and then."""
        if time.monotonic() < self._model_known_until:
            return
        try:
            await self._ask_for_models()
        except RagstoneError:
            if not self._model:
                raise
            # The call itself will tell whether the server is there; it does not wait for its list again.
            self._model_known_until = time.monotonic() + self._settings.llm_connect_timeout_s

    async def _ask_for_models(self) -> None:
        wanted = self._settings.llm_model
        try:
            async with asyncio.timeout(self._settings.llm_connect_timeout_s):
                async with self._client.get(f"{self._settings.llm_base_url}/models") as response:
                    if response.status not in {200, 404, 405}:  # not every server lists its models
                        raise await self._refused(response)
                    listed = json.loads(await response.content.read(1 << 20)) if response.status == 200 else {}
                models = [model for model in listed.get("data", []) if isinstance(model.get("id"), str)]
        except _TryAgain as failed:
            raise failed.error from failed
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, AttributeError) as error:
            raise GeneratorUnavailable(self._unreachable(_reason(error))) from error
        chosen = next((model for model in models if not wanted or model["id"] == wanted), None)
        if chosen is None and not wanted:
            raise GeneratorUnavailable("The model server lists no model: set RAGSTONE_LLM_MODEL.")
        self._model = wanted or str((chosen or {})["id"])
        length = (chosen or {}).get("max_model_len")  # vLLM tells it; OpenAI does not
        self._context_tokens = length if isinstance(length, int) else 0
        self._model_known_until = time.monotonic() + _MODEL_KNOWN_S

    @property
    def _client(self) -> aiohttp.ClientSession:
        """One pool of connections, made on the event loop that uses it."""
        if self._session is None:
            key = self._settings.llm_api_key.get_secret_value()
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {key}"} if key else {},
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),  # Admission is the limit
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._settings.llm_connect_timeout_s),
                read_bufsize=_READ_BUFFER_BYTES,
            )
        return self._session

    def _unreachable(self, why: str) -> str:
        return f"The model server at {self._settings.llm_base_url} cannot be reached ({why})."

    def _too_slow(self) -> RagstoneError:
        return GeneratorUnavailable(
            f"The model server wrote nothing within {self._settings.llm_first_token_timeout_s:g} seconds."
        )


def _delta(event: str) -> Delta | None:
    """Read one chunk of OpenAI's stream; None where it says nothing that we pass on."""
    try:
        chunk = json.loads(event)
        if "error" in chunk:
            raise _failed(chunk["error"], event)
        usage = _usage(chunk.get("usage"))
        choices = chunk.get("choices") or ()
        if not choices:
            return Delta(usage=usage) if usage else None
        choice = choices[0]
        said = choice["delta"]
        text = said.get("content") or ""
        reasons = bool(said.get("reasoning") or said.get("reasoning_content"))
        logprobs = (choice.get("logprobs") or {}).get("content") or ()
        finish_reason = choice.get("finish_reason")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise GeneratorUnavailable(f"The model server sent what is no chunk of a chat: {event[:80]!r}") from error
    # The first chunk only names the role. Reasoning is not shown, but it is a sign of life.
    says = text or logprobs or finish_reason or usage or reasons
    return Delta(text, logprobs, finish_reason, usage) if says else None


def _failed(error: object, event: str) -> RagstoneError:
    """What an error within a stream means: vLLM checks some parameters only once it has said 200."""
    message = _message(event.encode())
    if isinstance(error, dict) and error.get("code") in _CALLERS_FAULT:
        return InvalidInput(f"The model server refused the request: {message}")
    return GeneratorUnavailable(f"The model server failed: {message}")


def _reason(error: Exception) -> str:
    """What is wrong with a connection, in the operating system's words where it has any."""
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno and error.os_error.errno > 0:
        return os.strerror(error.os_error.errno)
    return str(error) or "it does not answer"


def _usage(reported: Mapping[str, Any] | None) -> Usage | None:
    if not reported:
        return None
    return Usage(int(reported.get("prompt_tokens") or 0), int(reported.get("completion_tokens") or 0))


def _message(body: bytes) -> str:
    """The server's own words, from the forms that servers use."""
    try:
        reply = json.loads(body)
        error = reply.get("error", reply)
        message = error.get("message", "") if isinstance(error, dict) else str(error)
    except (ValueError, AttributeError):
        message = body.decode("utf-8", "replace")
    return " ".join(str(message).split())[:_LONGEST_MESSAGE]


def _retry_after_s(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After", "")
    return min(float(value), _LONGEST_BACKOFF_S) if value.isdigit() else 0.0


def _pause_s(attempt: int) -> float:
    """Doubling pauses, drawn between half and whole so that callers do not come back together."""
    longest_s: float = min(_BACKOFF_S * 2**attempt, _LONGEST_BACKOFF_S)
    return longest_s * random.uniform(0.5, 1)  # noqa: S311


def _encodable(text: str) -> str:
    """JSON has no lone surrogates."""
    return text.encode("utf-8", "replace").decode()
