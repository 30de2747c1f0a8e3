"""Keeping the replaced generation up to date, so that a rollback is a switch and nothing else."""

from __future__ import annotations

import logging

from sqlalchemy import select

from core.database import Database
from core.errors import RagstoneError, StorageFull, Unavailable
from core.generations import previous_generation
from core.models import Collection
from core.settings import Settings
from ingest.pipeline import Target, target_of
from ingest.reindex import Reindexer

logger = logging.getLogger("ragstone.worker")


class Follower:
    """Indexes what has changed into the kept generations, a batch at a time, while there is nothing else to do."""

    def __init__(self, settings: Settings, database: Database, reindexer: Reindexer) -> None:
        self._settings = settings
        self._database = database
        self._reindexer = reindexer
        self._due: list[Target] = []
        self._after = 0
        self._given_up: set[int] = set()

    def look(self) -> None:
        """Look again at every kept generation in the next steps: something may have changed."""
        if not self._settings.generation_follow:
            return
        with self._database.read() as session:
            kept = [previous_generation(session, collection) for collection in session.scalars(select(Collection))]
            self._due = [target_of(one) for one in kept if one is not None and one.id not in self._given_up]
        self._after = 0

    def step(self) -> bool:
        """Index a batch; tells whether there was one. What cannot be followed is given up, and logged once."""
        if not self._due:
            return False
        target = self._due[0]
        try:
            batch, after = self._reindexer.next_batch(target, self._after)
            if batch and after > self._after:
                self._after = after
                self._reindexer.index(batch, target)
                return True
        except RagstoneError as error:
            # A document that its chunker cannot take, a model that is gone: a rollback would say so too.
            logger.warning("generation %s is not kept up to date: %s", target.generation_id, error.detail)
            if not isinstance(error, Unavailable | StorageFull):  # which time mends
                self._given_up.add(target.generation_id)
        self._due.pop(0)
        self._after = 0
        return bool(self._due)
