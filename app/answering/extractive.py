"""The generator that needs no model: it quotes the sentences that support an answer best."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence

from anyio import to_thread

from app.answering.generator import Delta, Prompt, Usage
from app.answering.judge import Judge
from app.answering.params import GenerationParams
from app.answering.support import Supported
from core.types import Source
from indexes.analyse import analyse

MOST_QUOTES = 3
_LONGEST_ANSWER = 900  # code points; the first quote is given whole
# A further sentence is quoted if its score is this close to that of the best one.
_MARGIN = 0.35
_SAME_WORDS = 0.7
# A note mark of the source's own would be read as a marker of ours.
_NOTE_MARK = re.compile(r"[\[【［](\s*\d{1,3}\s*)[\]】］]")


class ExtractiveGenerator:
    """Quotes one to three sentences, rows or lists, each followed by its marker. The same question over the same
    sources gets the same answer."""

    name = "extractive"

    def __init__(self, judge: Judge) -> None:
        """judge finds the sentences, and has their embeddings from judging the same question."""
        self._judge = judge

    async def stream(self, prompt: Prompt, params: GenerationParams) -> AsyncGenerator[Delta, None]:
        """Yield the quotes one by one, then the end and the usage; of params only max_tokens has a meaning.

        Nothing is yielded but the end where the sources hold no sentence. Raises EmbedderUnavailable.
        """
        embedder = self._judge.embedder()
        found = await to_thread.run_sync(self._judge.find, prompt.question, prompt.sources)
        written, finish_reason, between = 0, "stop", ""
        for supported in choose(found):
            text = between + quote(supported, prompt.sources)
            tokens = embedder.count_tokens(text)
            if params.max_tokens is not None and written and written + tokens > params.max_tokens:
                finish_reason = "length"
                break
            written += tokens
            between = "\n"
            yield Delta(text=text)
            yield Delta(text=f" [{supported.unit.source_index + 1}]")
        read = embedder.count_tokens(prompt.question)
        yield Delta(finish_reason=finish_reason, usage=Usage(read, written))


def choose(found: Sequence[Supported]) -> list[Supported]:
    """Return the units that an answer quotes, at most MOST_QUOTES; found is best first.

    The best one, and those nearly as good that say something else; quotes of one source stand together, in the
    order of its text.
    """
    chosen: list[Supported] = []
    length = 0
    for candidate in found:
        if len(chosen) == MOST_QUOTES or candidate.score < found[0].score - _MARGIN:
            break
        length += len(candidate.unit.text)
        if chosen and (length > _LONGEST_ANSWER or any(_says_the_same(candidate, other) for other in chosen)):
            length -= len(candidate.unit.text)
            continue
        chosen.append(candidate)
    order = list(dict.fromkeys(supported.unit.source_index for supported in chosen))
    return sorted(chosen, key=lambda s: (order.index(s.unit.source_index), s.unit.start))


def quote(supported: Supported, sources: Sequence[Source]) -> str:
    """Return the text of a unit word for word; a table row comes below the names of its columns."""
    unit = supported.unit
    text = sources[unit.source_index].text[unit.start : unit.end]
    if unit.context:
        text = f"{unit.context}:\n{text}"  # the colon makes it an announcement: no claim that needs a source
    return _NOTE_MARK.sub(r"(\1)", text)


def _says_the_same(one: Supported, other: Supported) -> bool:
    """Whether two units overlap in their source or in their words."""
    if one.unit.source_index == other.unit.source_index:
        return one.unit.start < other.unit.end and other.unit.start < one.unit.end
    first, second = frozenset(analyse(one.unit.text)), frozenset(analyse(other.unit.text))
    return len(first & second) >= _SAME_WORDS * max(1, min(len(first), len(second)))
