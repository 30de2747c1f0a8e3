"""Upkeep as the command line calls it: on the data folder and the database of the settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

from sqlalchemy import select

from core.database import Database
from core.errors import NotFound, Unavailable
from core.models import Collection, Generation
from core.settings import Settings
from indexes.embedders.pool import EmbedderPool
from indexes.upkeep.deep import looked_into
from indexes.upkeep.proof import Proof, prove
from indexes.upkeep.purge import Purged, purge
from indexes.upkeep.repair import Repair
from indexes.upkeep.report import Report
from indexes.upkeep.verify import Examined, examine, generations_of, report_of, with_originals


class Upkeep:
    """What looks after a data folder; whatever else runs on it goes on."""

    def __init__(self, settings: Settings, database: Database, embedders: EmbedderPool) -> None:
        self._settings = settings
        self._database = database
        self._embedders = embedders

    @classmethod
    @contextmanager
    def open(cls, settings: Settings) -> Iterator[Self]:
        """Open database and models for a block; raises Unavailable where there is no database to look at."""
        if not settings.database_url and not (settings.data_dir / "ragstone.db").is_file():
            raise Unavailable(f"There is no database in the data folder {settings.data_dir.resolve()}.")
        database, embedders = Database(settings.resolved_database_url), EmbedderPool(settings)
        try:
            database.check_schema()
            yield cls(settings, database, embedders)
        finally:
            embedders.close()
            database.close()

    def verify(self, collection: str | None, *, repair: bool = False, deep: bool = False) -> list[Report]:
        """Report on the indexes of one collection or all; raises NotFound, Unavailable.

        repair: mend what can be; the reports then tell of what is left.
        """
        self._check_known(collection)
        self._check_embedded("verify")
        reports = []
        for generation, name in generations_of(self._database, collection):
            examined, report = self._look(generation, name, deep=deep)
            if examined is None or report is None:
                continue
            if repair and not report.sound:
                done = Repair(self._settings, self._database, self._embedders).mend(examined, report).mended
                _, after = self._look(generation, name, deep=deep)
                report = replace(after or report, mended=done)
            reports.append(report)
        return reports

    def purge(self, collection: str | None, *, rewrite_tables: bool = False) -> Purged:
        """Remove for good what was deleted; raises NotFound, Unavailable, StorageFull."""
        self._check_known(collection)
        self._check_embedded("purge")
        return purge(self._settings, self._database, collection, rewrite_tables=rewrite_tables)

    def prove(self, texts: Sequence[str], files: Sequence[Path]) -> Proof:
        """Look for texts and pieces of files in everything that is stored; raises InvalidInput."""
        return prove(self._settings, self._database, texts, files)

    def _look(self, generation: Generation, name: str, *, deep: bool) -> tuple[Examined | None, Report | None]:
        examined = examine(self._settings, self._database, generation, name)
        if examined is None:
            return None, None
        if deep:
            examined = looked_into(examined, self._settings, self._database, self._embedders)
        report = report_of(examined)
        if generation.state == "active":
            report = with_originals(report, self._settings, self._database, content=deep)
        return examined, report

    def _check_embedded(self, command: str) -> None:
        if self._settings.index != "embedded":
            raise Unavailable(f"{command} reads the embedded index; RAGSTONE_INDEX is {self._settings.index}.")

    def _check_known(self, collection: str | None) -> None:
        with self._database.read() as session:
            known = select(Collection.id).where(Collection.name == collection)
            if collection is not None and session.scalar(known) is None:
                raise NotFound(f"There is no collection named {collection!r}.")
