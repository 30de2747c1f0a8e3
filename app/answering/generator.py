"""What writes an answer: a language model behind an endpoint, or the extractive generator."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from app.answering.params import GenerationParams
from core.types import Source


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message as chat endpoints take it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a generator is asked: messages for a language model, and the parts they were made of.

    question stands on its own (condensed where it was a follow-up); language is "zh" or "en"; sources are
    numbered from 1 by position, which is what the markers [n] in an answer mean.
    """

    messages: Sequence[ChatMessage]
    question: str
    language: str
    sources: Sequence[Source]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def total_tokens(self) -> int:
        """Both together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of an answer; the last ones carry the reason for the end and the usage.

    logprobs are OpenAI's `choices[].logprobs.content` items, passed on as they come.
    """

    text: str = ""
    logprobs: Sequence[Mapping[str, Any]] = ()
    finish_reason: str | None = None
    usage: Usage | None = None


class Generator(Protocol):
    """Writes an answer in pieces."""

    @property
    def name(self) -> str:
        """Which model it is, as shown to users."""

    def stream(self, prompt: Prompt, params: GenerationParams) -> AsyncGenerator[Delta, None]:
        """Write the answer to a prompt, with markers [n] for its sources.

        Closing the iterator cancels what runs upstream at once. Raises Overloaded, GeneratorUnavailable or
        InvalidInput, before or after the first delta.
        """


class LanguageModel(Generator, Protocol):
    """A generator that also follows instructions, and has a bounded context and connections to close."""

    async def check(self) -> None:
        """Raise GeneratorUnavailable where it does not answer now."""

    async def context_tokens(self) -> int:
        """Tokens that prompt and answer share; raises GeneratorUnavailable."""

    async def close(self) -> None:
        """Close the connections; idempotent."""
