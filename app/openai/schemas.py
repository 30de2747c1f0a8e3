"""What stock OpenAI clients send: https://platform.openai.com/docs/api-reference/chat/create.

A model is a collection. The last user message is the question, what came before it the conversation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.answering.params import GenerationParams
from app.answering.prompt import Turn
from app.answering.request import AnswerRequest
from app.search.filters import FilterIn
from app.search.ranking import PassagesIn, RankingIn
from core.errors import InvalidInput

# Accepted only where they ask for nothing: we answer from documents, once, in text.
_REFUSED = ("tools", "functions", "tool_choice", "function_call", "audio", "prediction", "web_search_options")
_NOTHING: tuple[object, ...] = (None, [], "none", "auto")


class UnsupportedParameter(InvalidInput):
    """A parameter of OpenAI's that asks for what an answer from documents cannot give."""

    status, slug, title = 400, "unsupported-parameter", "Unsupported parameter"


class ContentPart(BaseModel):
    """A part of a message; only text can be asked about."""

    type: str
    text: str = ""


class MessageIn(BaseModel):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Annotated[list[ContentPart], Field(max_length=100)] | None = None

    def text(self) -> str:
        """Return the message's text; raises UnsupportedParameter for images and the like."""
        if isinstance(self.content, str) or self.content is None:
            return self.content or ""
        for part in self.content:
            if part.type != "text":
                raise UnsupportedParameter(f"Messages may hold text only, not {part.type!r}.")
        return "\n".join(part.text for part in self.content)


class StreamOptions(BaseModel):
    """include_usage: send the usage in a last chunk."""

    include_usage: bool = False


class RagstoneIn(BaseModel):
    """Our own part of a request, in the client's `extra_body`."""

    model_config = ConfigDict(extra="forbid")

    conversation_id: str = Field("", max_length=64, pattern=r"^[A-Za-z0-9_-]*$")
    k: int | None = Field(None, ge=1)
    filter: FilterIn = Field(default_factory=FilterIn)
    ranking: RankingIn = Field(default_factory=RankingIn)
    passages: PassagesIn = Field(default_factory=PassagesIn)


class ChatCompletionIn(GenerationParams):
    """A chat completion request; parameters that mean nothing here are accepted and ignored."""

    model_config = ConfigDict(extra="allow", frozen=True)

    model: str
    messages: list[MessageIn] = Field(min_length=1, max_length=1000)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    max_completion_tokens: int | None = Field(None, ge=1, le=1_000_000)
    ragstone: RagstoneIn = Field(default_factory=RagstoneIn)

    def to_domain(self, max_turns: int) -> AnswerRequest:
        """Return the request as the service takes it; raises UnsupportedParameter, InvalidInput."""
        self._check()
        question, history = conversation(self.messages)
        return AnswerRequest(
            collection=self.model,
            question=question,
            conversation_id=self.ragstone.conversation_id,
            history=history[-max_turns:] if max_turns else (),
            k=self.ragstone.k,
            wanted=self.ragstone.filter.to_domain(),
            ranking=self.ragstone.ranking.to_domain(),
            passages=self.ragstone.passages.to_domain(merge=True),
            params=self._params(),
        )

    def _params(self) -> GenerationParams:
        given = {name: getattr(self, name) for name in GenerationParams.model_fields}
        given["max_tokens"] = self.max_completion_tokens or self.max_tokens
        return GenerationParams.model_validate(given)

    def _check(self) -> None:
        if self.n not in {None, 1}:
            raise UnsupportedParameter("n may only be 1: a question has one answer.")
        extra: dict[str, Any] = self.model_extra or {}
        for name in _REFUSED:
            if extra.get(name) not in _NOTHING:
                raise UnsupportedParameter(f"{name} is not supported: answers come from documents.")
        if (extra.get("modalities") or ["text"]) != ["text"]:
            raise UnsupportedParameter("modalities may only be text.")


def conversation(messages: Sequence[MessageIn]) -> tuple[str, list[Turn]]:
    """Return the question and the turns before it; system messages are left out, the rules are our own.

    Raises InvalidInput where the last message that counts is not a question.
    """
    turns: list[Turn] = []
    waiting: str | None = None
    for message in messages:
        text = message.text().strip()
        if message.role == "user":
            if waiting is not None:
                turns.append(Turn(waiting, ""))
            waiting = text
        elif message.role == "assistant" and waiting is not None:
            turns.append(Turn(waiting, text))
            waiting = None
    if waiting is None:
        raise InvalidInput("The last message has to be the user's question.")
    return waiting, turns
