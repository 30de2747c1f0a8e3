"""A data folder with its database, and what a worker and a server do on it, in whatever process calls."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import numpy as np
import psycopg
from sqlalchemy import select, update

from app.collections.schemas import CollectionSettings
from app.collections.service import CollectionService
from app.documents.service import DocumentService, Incoming
from app.security.keys import ADMIN
from core.blobs import BlobStore
from core.database import Database
from core.generations import Recipe, begin_reindex
from core.models import Collection, Generation, Job, JobItem
from core.settings import Settings
from core.types import Embeddings, ParsedDocument
from indexes.embedders.base import Embedder
from indexes.embedders.pool import EmbedderPool
from indexes.upkeep.service import Upkeep
from ingest import worker as worker_module
from ingest.clean import clean
from ingest.housekeeping import merge_segments
from ingest.parse import parse
from ingest.worker import Worker
from tests.reliability.manuals import body, document_id

COLLECTION = "crashing"
SETTINGS = {"worker_batch": 2, "generation_keep_s": 0.0, "chunk_target_tokens": 60}


class Remembering:
    """An embedder that asks the real one about each text once: elsewhere, as in a fork, it has only its memory."""

    is_pinned = True

    def __init__(self, real: Embedder) -> None:
        self.fingerprint, self.dimension, self.max_tokens = real.fingerprint, real.dimension, real.max_tokens
        self._real: Embedder | None = real
        self._process = os.getpid()
        self._known: dict[tuple[str, str], Embeddings] = {}

    def alone(self) -> Remembering:
        """Return what can be sent to another process: the memory without the real one."""
        copy = Remembering(self)
        copy._real, copy._known = None, dict(self._known)
        return copy

    def count_tokens(self, text: str) -> int:
        """Tokens of text, as the real one counts them."""
        assert self._real is not None
        return self._real.count_tokens(text)

    def embed_passages(self, texts: Sequence[str]) -> Embeddings:
        """Return float32 [len(texts), dimension]."""
        return np.stack([self._of("passage", text) for text in texts])

    def embed_query(self, text: str) -> Embeddings:
        """Return float32 [dimension]."""
        return self._of("query", text)

    def _of(self, kind: str, text: str) -> Embeddings:
        if (kind, text) not in self._known:
            real = self._real
            assert real is not None, f"never embedded here: {text!r}"
            assert os.getpid() == self._process, f"never embedded before the fork: {text!r}"
            vector = real.embed_passages([text])[0] if kind == "passage" else real.embed_query(text)
            self._known[kind, text] = vector
        return self._known[kind, text]

    def close(self) -> None:
        """Stay open: many use it."""


class OnePool(EmbedderPool):
    """A pool of one embedder."""

    def __init__(self, settings: Settings, embedder: Embedder) -> None:
        super().__init__(settings)
        self._only = embedder

    def get(self, spec: str) -> Embedder:
        """Return it, whatever is asked for."""
        return self._only


class _ParserHere:
    """Parses in this process: one of its own would make changes whose order is chance."""

    def parse(self, data: bytes, filename: str, content_type: str) -> ParsedDocument:
        return clean(parse(data, filename=filename, content_type=content_type, max_chars=100_000))

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Place:
    """Where it all happens. server_url: of a PostgreSQL; empty for SQLite."""

    folder: Path
    server_url: str
    embedder: Remembering

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=self.folder, database_url=self._database_url(), **SETTINGS)

    def _database_url(self) -> str:
        if not self.server_url:
            return ""
        head, query = self.server_url.split("?", 1)
        return f"{head.rsplit('/', 1)[0]}/{self._database_name}?{query}"

    @property
    def _database_name(self) -> str:
        return "place_" + re.sub(r"\W", "_", self.folder.name)

    def made(self) -> Place:
        """Make it, empty."""
        self.folder.mkdir()
        self._on_server(f"CREATE DATABASE {self._database_name}")
        with self.database() as database:
            database.migrate()
        return self

    def copied(self, name: str) -> Place:
        """Make another one that holds the same; nothing may be open here."""
        copy = replace(self, folder=self.folder.with_name(name))
        shutil.copytree(self.folder, copy.folder, symlinks=True)
        self._on_server(f"CREATE DATABASE {copy._database_name} TEMPLATE {self._database_name}")
        return copy

    def remove(self) -> None:
        """Remove it with everything in it."""
        shutil.rmtree(self.folder)
        self._on_server(f"DROP DATABASE {self._database_name} WITH (FORCE)")

    def _on_server(self, statement: str) -> None:
        if self.server_url:
            with psycopg.connect(self.server_url, autocommit=True) as connection:
                connection.execute(statement)  # type: ignore[call-overload]

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Connections to its database, closed afterwards."""
        database = Database(self.settings.resolved_database_url)
        try:
            yield database
        finally:
            database.close()

    def pool(self) -> EmbedderPool:
        """A pool of the embedder that remembers."""
        return OnePool(self.settings, self.embedder)

    def create_collection(self) -> None:
        """Make the collection, as the server does."""
        with self.database() as database:
            CollectionService(database, self.settings, self.pool()).put(ADMIN, COLLECTION, CollectionSettings())

    def put(self, manuals: Mapping[int, int]) -> None:
        """Take manuals in, each in a revision, as the server does; a worker makes them visible."""
        with self.database() as database:
            settings = self.settings
            blobs = BlobStore(settings.blob_dir)
            incoming = [
                Incoming(name := document_id(manual), blobs.put(body(manual, revision)), "text/markdown", name)
                for manual, revision in manuals.items()
            ]
            DocumentService(database, blobs, settings).submit(ADMIN, COLLECTION, incoming, None)

    def delete(self, manual: int) -> None:
        """Delete a manual, as the server does."""
        with self.database() as database:
            settings = self.settings
            DocumentService(database, BlobStore(settings.blob_dir), settings).delete(
                ADMIN, COLLECTION, document_id(manual)
            )

    def reindex(self, chunk_target_tokens: int) -> None:
        """Ask for another index, with chunks of another size; a worker builds it and switches."""
        with self.database() as database, database.write() as session:
            collection = session.scalars(select(Collection).where(Collection.name == COLLECTION)).one()
            active = session.get_one(Generation, collection.active_generation_id)
            recipe = Recipe(
                active.embedder,
                active.fingerprint,
                active.dimension,
                chunk_target_tokens,
                active.chunk_max_tokens,
                active.analyser,
            )
            begin_reindex(session, collection.id, recipe, ADMIN.key_id, None)

    def work(self) -> None:
        """Do all that a worker finds to do, and then what it does when idle."""
        pool = self.pool()
        with (
            mock.patch.object(worker_module, "EmbedderPool", return_value=pool),
            mock.patch.object(worker_module, "ParserProcess", return_value=_ParserHere()),
        ):
            worker = Worker(self.settings)
        try:
            while worker._turn():
                pass
        finally:
            worker.close()

    def merge(self) -> None:
        """Do the merges that are due, as the worker's other thread does."""
        with self.database() as database:
            merge_segments(self.settings, database, lambda: False)

    def let_leases_end(self) -> None:
        """Let the time pass after which a dead worker's work goes to another."""
        with self.database() as database, database.write() as session:
            session.execute(update(JobItem).where(JobItem.state == "running").values(lease_until=0.0))
            session.execute(update(Job).where(Job.state == "running").values(lease_until=0.0))

    def findings(self) -> list[str]:
        """What the long look of `ragstone verify` finds."""
        with self.database() as database:
            reports = Upkeep(self.settings, database, self.pool()).verify(None, deep=True)
        return [finding.line() for report in reports for finding in report.findings]
