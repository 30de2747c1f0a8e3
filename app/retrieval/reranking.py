"""The reranker within its time: what it says in time counts, and without it the fused order stands."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from core.errors import RagstoneError
from core.settings import Settings
from core.telemetry import RERANK_SECONDS, RERANKS
from indexes.rerank.base import RerankedTooLate, Reranker, RerankScores
from indexes.rerank.registry import open_reranker

logger = logging.getLogger("ragstone.rerank")

# A model that cannot be loaded is not tried again by every question, nor every failure told.
_RETRY_AFTER_S = 60.0


class Reranking:
    """Asks the reranker of the settings, on threads of its own; safe to use from several threads.

    A call that is late goes on in its thread until the reranker notices. There are as many threads as searches at
    once, and no call waits in line: where all of them are taken, the fused order stands at once.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._budget_s = settings.rerank_budget_ms / 1000
        self._slots = threading.BoundedSemaphore(settings.search_threads)
        self._pool = ThreadPoolExecutor(settings.search_threads, thread_name_prefix="rerank")
        self._opening = threading.Lock()
        self._reranker: Reranker | None = None
        self._failure: RagstoneError | None = None
        self._retry_at = 0.0
        self._warn_at = 0.0

    @property
    def enabled(self) -> bool:
        """Whether the settings name a reranker."""
        return self._settings.reranker != "none"

    def warm_up(self) -> None:
        """Load what the first question would wait for; a failure is told in the log, as at a question."""
        if self.enabled:
            try:
                self._opened()
            except RagstoneError as error:
                self._warn(error)

    def scores(self, question: str, texts: Sequence[str]) -> RerankScores | None:
        """Return float32 [len(texts)], higher for better; None where there are none in time. Never raises."""
        if not self.enabled or not texts:
            return None
        began = time.monotonic()
        scores, outcome = self._ask(question, texts, began + self._budget_s)
        RERANKS.labels(outcome).inc()
        RERANK_SECONDS.observe(time.monotonic() - began)
        return scores

    def close(self) -> None:
        """Let go of the model or its connections; calls under way end by their own time. Idempotent."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._opening:
            if self._reranker is not None:
                self._reranker.close()

    def _ask(self, question: str, texts: Sequence[str], until: float) -> tuple[RerankScores | None, str]:
        if not self._slots.acquire(blocking=False):
            return None, "busy"
        future = self._pool.submit(self._work, question, texts, until)
        future.add_done_callback(lambda _: self._slots.release())
        try:
            return future.result(max(0.0, until - time.monotonic())), "reranked"
        except (TimeoutError, RerankedTooLate):
            return None, "late"
        except RagstoneError as error:
            self._warn(error)
            return None, "failed"

    def _work(self, question: str, texts: Sequence[str], until: float) -> RerankScores:
        return self._opened().score(question, texts, timeout_s=until - time.monotonic())

    def _opened(self) -> Reranker:
        with self._opening:
            if self._reranker is None:
                if self._failure is not None and time.monotonic() < self._retry_at:
                    raise self._failure
                try:
                    self._reranker = open_reranker(self._settings)
                except RagstoneError as error:
                    self._failure, self._retry_at = error, time.monotonic() + _RETRY_AFTER_S
                    raise
            return self._reranker

    def _warn(self, error: RagstoneError) -> None:
        if time.monotonic() >= self._warn_at:
            self._warn_at = time.monotonic() + _RETRY_AFTER_S
            logger.warning("no reranking, the fused order stands: %s", error.detail)
