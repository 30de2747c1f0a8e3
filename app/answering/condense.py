"""Turns a follow-up into a question that stands on its own, because retrieval sees only one question."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from contextlib import aclosing

from app.answering.generator import LanguageModel
from app.answering.params import GenerationParams
from app.answering.prompt import Turn, condense_prompt
from app.answering.prompt_file import PromptFile
from core.errors import RagstoneError
from indexes.analyse import analyse

logger = logging.getLogger("ragstone.condense")

_TIMEOUT_S = 8.0
_MAX_TOKENS = 160
_HISTORY_TOKENS = 1200
_LONGEST_QUESTION = 1000
_REASONING = re.compile(r"<think>.*?(</think>|$)", re.DOTALL)
# What points back. Chinese has no word borders: 它 and 那 are enough, 这 alone would also find 这周.
_POINTS_BACK = re.compile(
    r"(?i)\b(?:it|its|they|them|their|he|she|him|her|this|that|these|those|there|one|ones|same|former|latter|"
    r"what about|how about|and (?:if|for|in|what|how|when|where)|then|else|instead|also)\b|"
    r"它|他们|她们|其中|该|此|这个|这些|这种|这样|那个|那些|那种|那么|那(?=[里是要如])|上述|前者|后者|"
    r"^(?:那|如果|还有|另外|还|也)|呢[?？]?$"
)
_FEW_TERMS = 3


def with_previous(question: str, history: Sequence[Turn]) -> str:
    """Put the previous question before one that is short or points back; return any other as it is.

    Needs no model. The earlier question's words widen what is searched for, and the new ones still count most
    where they are rare.
    """
    if not history:
        return question
    short = len(set(analyse(question))) <= _FEW_TERMS
    if not short and not _POINTS_BACK.search(question.strip()):
        return question
    return f"{history[-1].question.strip()}\n{question}"


async def condense(model: LanguageModel, texts: PromptFile, question: str, history: Sequence[Turn]) -> str:
    """Let a model rewrite the question; where it fails or takes too long, fall back to with_previous."""
    if not history:
        return question
    prompt = condense_prompt(texts, question, history, budget=_HISTORY_TOKENS)
    params = GenerationParams(
        max_tokens=_MAX_TOKENS,
        temperature=0,
        chat_template_kwargs={"enable_thinking": False},
    )
    try:
        async with asyncio.timeout(_TIMEOUT_S), aclosing(model.stream(prompt, params)) as deltas:
            said = [delta.text async for delta in deltas]
    except (TimeoutError, RagstoneError) as error:
        logger.info("the question was not condensed: %s", error or type(error).__name__)
        return with_previous(question, history)
    rewritten = " ".join(_REASONING.sub("", "".join(said)).split())
    return rewritten if 0 < len(rewritten) <= _LONGEST_QUESTION else with_previous(question, history)
