"""A reader in a process of its own, which searches one place after the other without a pause."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from app.retrieval.options import RankingOptions
from app.retrieval.service import Retriever
from app.security.keys import ADMIN
from core.database import Database
from core.settings import Settings
from indexes.embedders.base import Embedder
from tests.reliability.manuals import PARTS, Seen, seen_in
from tests.reliability.place import COLLECTION, OnePool, Place, Remembering

QUESTIONS = ("Which version is in force?", "manual part version")
_EVERYTHING = 100
_LONGEST_S = 600
# The cores are the worker's as well: without it the reader takes most of what one has.
_PAUSE_S = 0.005

State = Mapping[int, int]


@dataclass(slots=True)
class Looks:
    """What a reader has seen of a place: how often it asked, each state, and what was wrong."""

    asked: int = 0
    states: list[State] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, seen: Mapping[int, Seen]) -> None:
        """Take an answer in."""
        self.asked += 1
        for manual, each in seen.items():
            if len(each.revisions) != 1:
                self.wrong.append(f"manual {manual} in revisions {sorted(each.revisions)} at once")
            if len(each.parts) != PARTS:
                self.wrong.append(f"manual {manual} by half: parts {sorted(each.parts)}")
        state = {manual: max(each.revisions) for manual, each in seen.items()}
        if not self.states or self.states[-1] != state:
            self.states.append(state)


class Reader:
    """The reader's process, seen from outside."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    @contextmanager
    def reading(self, place: Place) -> Iterator[None]:
        """Have a place searched until the block ends; its first answer is there when it begins."""
        self._tell(place.settings)
        try:
            yield
        finally:
            self._tell("close")

    def look(self) -> Looks:
        """What it has seen since the last look, the state of this moment last."""
        answer = self._tell("look")
        assert isinstance(answer, Looks)
        return answer

    def _tell(self, what: object) -> object:
        self._pipe.send(what)
        assert self._pipe.poll(_LONGEST_S), "the reader does not answer"
        return self._pipe.recv()


@contextmanager
def reader(settings: Settings, embedder: Remembering) -> Iterator[Reader]:
    """Start a reader, which knows the vectors of its questions; settings: whose models' folder it reads."""
    for question in QUESTIONS:
        embedder.embed_query(question)
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_read, args=(theirs, settings, embedder.alone()), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Reader(ours)
    finally:
        ours.close()
        process.join(10)
        process.kill()


def _read(pipe: Connection, models: Settings, embedder: Embedder) -> None:
    pool = OnePool(models, embedder)
    while True:
        try:
            settings = pipe.recv()
        except EOFError:
            return
        database = Database(settings.resolved_database_url)
        retriever = Retriever(settings, database, pool)
        _read_place(pipe, retriever)
        retriever.close()
        database.close()
        pipe.send(None)


def _read_place(pipe: Connection, retriever: Retriever) -> None:
    looks = Looks()
    _ask(retriever, looks)
    pipe.send(None)
    while True:
        while not pipe.poll(_PAUSE_S):
            _ask(retriever, looks)
        if pipe.recv() != "look":
            return
        _ask(retriever, looks)
        pipe.send(looks)
        looks = Looks()


def _ask(retriever: Retriever, looks: Looks) -> None:
    """Ask for everything, by words and by both lists in turn."""
    hybrid = looks.asked % 2 == 0
    try:
        found = retriever.search(
            ADMIN,
            COLLECTION,
            QUESTIONS[looks.asked % 2],
            k=_EVERYTHING,
            mode="hybrid" if hybrid else "lexical",
            ranking=RankingOptions(translate=False),  # the dictionary takes seconds to load
        )
    except Exception as error:  # that no query fails is what is being measured
        looks.asked += 1
        looks.wrong.append(f"a query failed: {type(error).__name__}: {error}")
        return
    looks.add(seen_in(source.text for source in found.sources))
