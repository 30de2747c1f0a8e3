"""Answers a question: condense, retrieve, judge, generate, bind, keep. Each step is a function of its own."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from anyio import CapacityLimiter, to_thread

from app.answering.citations import CitationBinder
from app.answering.condense import condense, with_previous
from app.answering.events import AnswerDone, AnswerEvent, AnswerFailed, AnswerText, SourcesFound, Timings
from app.answering.extractive import ExtractiveGenerator
from app.answering.generator import Generator, LanguageModel, Prompt, Usage
from app.answering.judge import Judge
from app.answering.params import GenerationParams
from app.answering.prompt import Turn, build_prompt
from app.answering.prompt_file import PromptFile, load_prompts
from app.answering.record import AnswerRecord
from app.answering.request import AnswerRequest
from app.answering.support import SupportFinder
from app.answering.tokens import estimate_tokens
from app.answering.upstream import OpenAIGenerator
from app.answering.writing import Writing
from app.retrieval.service import Retrieved, Retriever
from core.database import Database
from core.errors import RagstoneError
from core.language import detect_language
from core.settings import Settings
from core.telemetry import ANSWERS, FIRST_TOKEN_SECONDS
from core.types import Caller


@dataclass(slots=True)
class _Run:
    """One answer under way."""

    caller: Caller
    request: AnswerRequest
    texts: PromptFile
    answer_id: str
    conversation_id: str
    began: float = field(default_factory=time.monotonic)
    retrieval_ms: float = 0.0
    first_text_ms: float = 0.0
    collection_id: int = 0

    def elapsed_ms(self) -> float:
        return (time.monotonic() - self.began) * 1000

    def note_text(self) -> None:
        if not self.first_text_ms:
            self.first_text_ms = self.elapsed_ms()
            FIRST_TOKEN_SECONDS.observe(self.first_text_ms / 1000)


class AnsweringService:
    """Answers questions; lives as long as the server, on its event loop."""

    def __init__(
        self, settings: Settings, database: Database, retriever: Retriever, limiter: CapacityLimiter
    ) -> None:
        """limiter bounds the searches at once, with those of the other endpoints."""
        self._settings = settings
        self._retriever = retriever
        self._limiter = limiter
        self._record = AnswerRecord(database, settings.conversation_keep_s, settings.max_history_turns)
        self._prompts = load_prompts(settings.prompts_dir)
        self._model: LanguageModel | None = OpenAIGenerator(settings) if settings.generator == "openai" else None
        self._judge = Judge(SupportFinder(retriever.questions), retriever.embedders, settings.embedder)
        self._generator: Generator = self._model or ExtractiveGenerator(self._judge)
        self._after: set[asyncio.Task[None]] = set()

    async def check(self) -> None:
        """Raise GeneratorUnavailable where the model server does not answer."""
        if self._model is not None:
            await self._model.check()

    async def close(self) -> None:
        """Wait until the last answers are kept, and close the connections; idempotent."""
        await asyncio.gather(*self._after)
        if self._model is not None:
            await self._model.close()

    async def answer(self, caller: Caller, request: AnswerRequest) -> AsyncGenerator[AnswerEvent, None]:
        """Answer a question, event by event; closing the iterator stops the model at once.

        Raises what search and generator raise until the first text; a failure after it is the last event. An
        answer whose reader went away is kept as far as it was written.
        """
        language = "zh" if detect_language(request.question) == "zh" else "en"
        run = _Run(
            caller,
            request,
            self._prompts[language],
            f"ans_{secrets.token_hex(12)}",
            request.conversation_id or f"conv_{secrets.token_hex(12)}",
        )
        history = await self._history(run)
        searched = await self._condense(run, history)
        retrieved, answerable = await self._retrieve(run, searched)
        params = await self._params(request)
        prompt = build_prompt(
            run.texts,
            request.question,
            retrieved.sources,
            history,
            budget=await self._context() - (params.max_tokens or 0),
            instructions=retrieved.prompt,
            searched=searched,
        )
        yield SourcesFound(run.answer_id, run.conversation_id, searched, prompt.sources)
        if not retrieved.sources:
            events = self._refuse(run, "no-documents")
        elif not answerable:
            events = self._refuse(run, "no-evidence")
        else:
            events = self._write(run, prompt, params)
        async with aclosing(events):
            async for event in events:
                yield event

    async def _history(self, run: _Run) -> Sequence[Turn]:
        request = run.request
        if request.history or not request.conversation_id:
            return request.history[-self._settings.max_history_turns :] if request.history else ()
        return await to_thread.run_sync(
            self._record.turns, run.caller, request.collection, request.conversation_id, limiter=self._limiter
        )

    async def _condense(self, run: _Run, history: Sequence[Turn]) -> str:
        if self._model is None:
            return with_previous(run.request.question, history)
        return await condense(self._model, run.texts, run.request.question, history)

    async def _retrieve(self, run: _Run, searched: str) -> tuple[Retrieved, bool]:
        """One hop to a worker thread: embed, search, hydrate, and judge whether the sources answer."""
        request = run.request

        def work() -> tuple[Retrieved, bool]:
            found = self._retriever.search(
                run.caller,
                request.collection,
                searched,
                k=request.k or self._settings.default_k,
                mode=request.mode,
                wanted=request.wanted,
                ranking=request.ranking,
                passages=request.passages,
            )
            probability = self._judge.probability(searched, found.sources, found.coverage)
            return found, probability >= self._settings.refuse_below

        retrieved, answerable = await to_thread.run_sync(work, limiter=self._limiter)
        run.collection_id = retrieved.collection_id
        run.retrieval_ms = run.elapsed_ms()
        return retrieved, answerable

    async def _context(self) -> int:
        """Tokens that prompt and answer share."""
        return await self._model.context_tokens() if self._model else self._settings.llm_context_tokens

    async def _params(self, request: AnswerRequest) -> GenerationParams:
        """The caller's parameters, with a bound on the answer, which never takes more than half the context."""
        longest = min(request.params.max_tokens or self._settings.llm_max_tokens, await self._context() // 2)
        return request.params.model_copy(update={"max_tokens": longest})

    async def _refuse(self, run: _Run, reason: str) -> AsyncGenerator[AnswerEvent, None]:
        run.note_text()
        text = run.texts.fill(reason)
        yield AnswerText(text)
        done = self._done(run, text, reason)
        await self._keep(run, done, ())
        yield done

    async def _write(
        self, run: _Run, prompt: Prompt, params: GenerationParams
    ) -> AsyncGenerator[AnswerEvent, None]:
        binder = CitationBinder(prompt.sources, withhold=self._settings.unsupported == "withhold")
        writing = Writing(self._generator, prompt, params, binder)
        finished = False
        try:
            async with aclosing(writing.events()) as events:
                async for event in events:
                    run.note_text()
                    yield event
            reason, refusal = writing.verdict(run.texts)
            if refusal:
                run.note_text()
                yield AnswerText(refusal)
            finished = True
            done = self._done(run, binder.text or refusal, reason, writing)
            await self._keep(run, done, writing.quoted_documents)
            yield done
        except RagstoneError as error:
            if not run.first_text_ms:
                ANSWERS.labels("failed").inc()
                raise
            yield AnswerFailed(run.answer_id, run.conversation_id, error, binder.text)
        finally:
            if not finished and binder.text:
                # The reader went, or the model failed: what was said is part of the conversation all the same.
                done = self._done(run, binder.text, "interrupted", writing)
                self._keep_later(run, done, writing.quoted_documents)

    def _done(self, run: _Run, text: str, reason: str, writing: Writing | None = None) -> AnswerDone:
        binder = writing.binder if writing else CitationBinder(())
        usage = (writing.usage if writing else None) or Usage(0, 0 if writing is None else estimate_tokens(text))
        ANSWERS.labels(reason or "grounded").inc()
        return AnswerDone(
            answer_id=run.answer_id,
            conversation_id=run.conversation_id,
            text=text,
            grounded=not reason,
            reason=reason,
            citations=tuple(binder.citations),
            unsupported=() if reason == "no-evidence" else tuple(binder.unsupported),
            finish_reason=(writing.finish_reason if writing else "") or "stop",
            usage=usage,
            timings=Timings(run.retrieval_ms, run.first_text_ms, run.elapsed_ms()),
            model=self._generator.name,
        )

    async def _keep(self, run: _Run, done: AnswerDone, document_ids: Sequence[str]) -> None:
        question = run.request.question
        await to_thread.run_sync(self._record.keep, run.caller, run.collection_id, question, done, document_ids)

    def _keep_later(self, run: _Run, done: AnswerDone, document_ids: Sequence[str]) -> None:
        """Keep an answer whose reader does not wait for it."""
        task = asyncio.create_task(self._keep(run, done, document_ids))
        self._after.add(task)
        task.add_done_callback(self._after.discard)
