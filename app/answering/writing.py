"""The generator's text on its way to the reader, bound to its sources as it passes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from app.answering.citations import Bound, BoundText, Citation, CitationBinder
from app.answering.events import AnswerText
from app.answering.generator import Generator, Prompt, Usage
from app.answering.params import GenerationParams
from app.answering.prompt_file import PromptFile
from app.answering.quotes import LEAST_SUPPORT


@dataclass(slots=True)
class Writing:
    """An answer being written; its state is valid at every moment, also when the reader goes half-way."""

    generator: Generator
    prompt: Prompt
    params: GenerationParams
    binder: CitationBinder
    usage: Usage | None = None
    finish_reason: str = ""
    _logprobs: list[Mapping[str, Any]] = field(default_factory=list)

    async def events(self) -> AsyncGenerator[AnswerText | Citation, None]:
        """Yield text and citations; closing it ends what runs upstream. Raises what the generator raises."""
        async with aclosing(self.generator.stream(self.prompt, self.params)) as deltas:
            async for delta in deltas:
                self.usage = delta.usage or self.usage
                self.finish_reason = delta.finish_reason or self.finish_reason
                self._logprobs += delta.logprobs
                if delta.text:
                    for event in self._passed_on(self.binder.feed(delta.text)):
                        yield event
        for event in self._passed_on(self.binder.finish(), last=True):
            yield event

    def _passed_on(self, bound: Sequence[Bound], *, last: bool = False) -> list[AnswerText | Citation]:
        """What is for the reader. Log probabilities go with the text that leaves next, or with none at the end."""
        events: list[AnswerText | Citation] = []
        for item in bound:
            if isinstance(item, BoundText):
                events.append(AnswerText(item.text, tuple(self._logprobs)))
                self._logprobs.clear()
            elif isinstance(item, Citation):
                events.append(item)
        if last and self._logprobs:
            events.append(AnswerText("", tuple(self._logprobs)))
        return events

    def verdict(self, texts: PromptFile) -> tuple[str, str]:
        """Return the reason why the finished answer is not grounded, or nothing, and the text that is missing.

        The text is a refusal to be shown where the generator wrote nothing, or nothing that might be shown.
        """
        written = self.binder.text.strip()
        if not written:
            reason = "unsupported" if self.binder.withheld else "no-evidence"
            return reason, texts.fill(reason)
        if any(citation.support >= LEAST_SUPPORT for citation in self.binder.citations):
            return "", ""
        refused = written.strip("。. ") == texts.fill("no-evidence").strip("。. ")
        return ("no-evidence" if refused else "uncited"), ""

    @property
    def quoted_documents(self) -> list[str]:
        """The documents whose deletion erases the answer: those cited, or all where some text cites none."""
        cited = [citation.source for citation in self.binder.citations]
        sources = self.prompt.sources if self.binder.unsupported or not cited else cited
        return list(dict.fromkeys(source.document_id for source in sources))
