"""Builds what the model reads: what is stable first, so that its prefix cache serves repeated questions.

Rules, then sources, then the conversation and the question. Sources and history are data: they are fenced, and
what could close the fence or pass for a chat template's own tokens is broken up inside them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.answering.generator import ChatMessage, Prompt
from app.answering.prompt_file import PromptFile
from app.answering.tokens import estimate_tokens, first_tokens
from core.types import Source

# Tokens of the chat template around two messages, generously.
_TEMPLATE_TOKENS = 32
_LEAST_SOURCE_TOKENS = 48
_LONGEST_TITLE = 200
_HISTORY_SHARE = 0.25
_FENCE = re.compile(r"[<＜﹤](?=\s*[/／]?\s*source\b)", re.IGNORECASE)
# The markers of the usual chat templates: a tokenizer may read them as control tokens wherever they stand.
_CONTROL = re.compile(
    r"<(?=[|｜])|(?<=[|｜])>|<(?=/?(?:s|think|tool_call|start_of_turn|end_of_turn|bos|eos|pad|unk)>)|\[(?=/?INST\])"
)
_MARKER = re.compile(r"[ \t]?\[\d{1,3}\]")


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question with its answer; the answer is empty where it is not kept any more."""

    question: str
    answer: str


def build_prompt(
    texts: PromptFile,
    question: str,
    sources: Sequence[Source],
    history: Sequence[Turn],
    *,
    budget: int,
    instructions: str = "",
    searched: str = "",
) -> Prompt:
    """Return the prompt with as many of the sources, best first, as fit into budget tokens.

    The first source is shortened rather than left out. Old turns go first where the history takes more than its
    quarter of the budget. searched is the question as it was searched for, where that differs.
    """
    system = texts.fill(
        "system", refusal=texts.fill("no-evidence"), instructions=f"\n{instructions}\n" if instructions else ""
    ).rstrip()
    turns = _recent(texts, history, int(budget * _HISTORY_SHARE))
    told = texts.fill("history", turns=turns) + "\n" if turns else ""
    asked = disarm(question)
    frame = texts.fill("user", sources="", history=told, question=asked)
    left = budget - _TEMPLATE_TOKENS - estimate_tokens(system) - estimate_tokens(frame)
    packed: list[Source] = []
    fenced: list[str] = []
    for source in sources:
        block = fence(source, len(packed) + 1)
        size = estimate_tokens(block)
        if size > left and not packed and left >= _LEAST_SOURCE_TOKENS:
            block = fence(source, 1, text=first_tokens(source.text, left - (size - estimate_tokens(source.text))))
            size = left
        if size > left:
            break
        packed.append(source)
        fenced.append(block)
        left -= size
    body = texts.fill(
        "user", sources="\n\n".join(fenced) or texts.fill("sources-empty"), history=told, question=asked
    )
    messages = (ChatMessage("system", system), ChatMessage("user", body))
    return Prompt(messages, searched or question, texts.language, tuple(packed))


def condense_prompt(texts: PromptFile, question: str, history: Sequence[Turn], *, budget: int) -> Prompt:
    """Return the prompt that asks for a question that stands on its own."""
    turns = _recent(texts, history, budget)
    user = texts.fill("condense-user", turns=turns, question=disarm(question))
    messages = (ChatMessage("system", texts.fill("condense")), ChatMessage("user", user))
    return Prompt(messages, question, texts.language, ())


def fence(source: Source, number: int, *, text: str | None = None) -> str:
    """Return a source between its tags; nothing inside can end it."""
    title = disarm(" ".join(source.title.split())[:_LONGEST_TITLE]).replace('"', "'")
    lines = [f'<source n="{number}" title="{title}">']
    lines += [disarm(part) for part in (source.heading, source.context) if part]
    lines += [disarm(source.text if text is None else text), "</source>"]
    return "\n".join(lines)


def disarm(text: str) -> str:
    """Break up what could close a fence or be read as a control token; everything else stays as it is."""
    return _CONTROL.sub(lambda found: f"{found[0]} " if found[0] != ">" else " >", _FENCE.sub("‹", text))


def _recent(texts: PromptFile, history: Sequence[Turn], budget: int) -> str:
    """The last turns that fit, oldest first, without markers: their numbers meant other sources."""
    kept: list[str] = []
    for turn in reversed(history):
        answer = _MARKER.sub("", disarm(turn.answer)) or "…"
        shown = texts.fill("turn", question=disarm(turn.question), answer=answer)
        budget -= estimate_tokens(shown)
        if budget < 0:
            break
        kept.append(shown)
    return "\n".join(reversed(kept))
