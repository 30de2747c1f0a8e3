"""Asks about manuals from processes of their own, straight from the retriever, or over HTTP; keeps all answers."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from app.retrieval.options import RankingOptions
from app.retrieval.service import Retriever
from app.security.keys import ADMIN
from core.database import Database
from core.filters import Field, Name, OneOf
from core.settings import Settings
from core.types import SearchMode
from indexes.embedders.pool import EmbedderPool
from tests.reliability.changing import COLLECTION
from tests.reliability.history import Answer
from tests.reliability.manuals import document_id, seen_in
from tests.support.service import RunningService

# All chunks of two manuals, whatever their size.
_MOST = 60


@dataclass(frozen=True, slots=True)
class Query:
    """A question about manuals. only: whether it is limited to them by a filter; else their word is asked for."""

    mode: SearchMode
    manuals: Sequence[int]
    only: bool

    @classmethod
    def drawn(cls, chance: random.Random, manuals: int) -> Query:
        """Draw one: by words, by both lists, or by both among two manuals."""
        kind = chance.random()
        if kind < 0.4:
            return cls("lexical", [chance.randrange(manuals)], only=False)
        if kind < 0.7:
            return cls("hybrid", [chance.randrange(manuals)], only=False)
        return cls("hybrid", chance.sample(range(manuals), 2), only=True)

    @property
    def text(self) -> str:
        """Words, of which one is in the manual alone."""
        return (
            f"manual{self.manuals[0]}"
            if self.mode == "lexical"
            else f"Which version is in force in manual{self.manuals[0]}?"
        )

    @property
    def whole(self) -> Sequence[int]:
        """Manuals that it must find all of; a ranking by both lists may prefer others."""
        return self.manuals if self.only or self.mode == "lexical" else ()


Search = Callable[[Query], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many questions about how many manuals, from how many threads; until: when to leave off (monotonic)."""

    count: int
    manuals: int
    threads: int
    seed: int
    until: float = math.inf


def ask(search: Search, plan: Plan) -> list[Answer]:
    """Ask so many questions, one after the other; search returns the texts of an answer."""
    chance = random.Random(plan.seed)
    answers: list[Answer] = []
    while len(answers) < plan.count:
        query = Query.drawn(chance, plan.manuals)
        began = time.monotonic()
        if began > plan.until:
            break
        try:
            texts = search(query)
        except Exception as error:  # that no query fails is what is being measured
            answers.append(Answer(began, time.monotonic(), (), {}, f"{type(error).__name__}: {error}"))
            continue
        answers.append(Answer(began, time.monotonic(), query.whole, seen_in(texts)))
    return answers


def ask_in_process(settings: Settings, plan: Plan) -> list[Answer]:
    """Ask from threads of this process, on a retriever of its own beside the service's."""
    database, embedders = Database(settings.resolved_database_url), EmbedderPool(settings)
    retriever = Retriever(settings, database, embedders)

    def search(query: Query) -> list[str]:
        wanted = OneOf(Field(Name.DOCUMENT_ID), tuple(map(document_id, query.manuals))) if query.only else None
        found = retriever.search(
            ADMIN,
            COLLECTION,
            query.text,
            k=_MOST,
            mode=query.mode,
            wanted=wanted,
            ranking=RankingOptions(translate=False),  # the dictionary takes seconds to load
        )
        return [source.text for source in found.sources]

    try:
        return _in_threads(lambda: search, plan)
    finally:
        retriever.close()
        embedders.close()
        database.close()


def ask_over_http(service: RunningService, plan: Plan) -> list[Answer]:
    """Ask the service itself."""

    def connected() -> Search:
        client = service.client()

        def search(query: Query) -> list[str]:
            body: dict[str, object] = {
                "collection": COLLECTION,
                "query": query.text,
                "k": _MOST,
                "mode": query.mode,
            }
            if query.only:
                body["filter"] = {"document_ids": list(map(document_id, query.manuals))}
            reply = client.post("/v1/search", json=body)
            reply.raise_for_status()
            return [hit["text"] for hit in reply.json()["hits"]]

        return search

    return _in_threads(connected, plan)


def _in_threads(connect: Callable[[], Search], plan: Plan) -> list[Answer]:
    share, rest = divmod(plan.count, plan.threads)
    with ThreadPoolExecutor(plan.threads) as pool:
        parts = [
            pool.submit(
                ask,
                connect(),
                replace(plan, count=share + (place < rest), threads=1, seed=plan.seed * 1000 + place),
            )
            for place in range(plan.threads)
        ]
        return [answer for part in parts for answer in part.result()]
