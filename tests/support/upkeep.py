"""A collection on a running service, looked after from the side as the command line does it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from core.models import Chunk
from core.types import Embeddings, IndexEntry
from indexes.passages import index_entries, stored_chunks
from indexes.snapshot import Snapshot
from indexes.upkeep.report import Report
from indexes.upkeep.service import Upkeep
from tests.support.service import RunningService
from tests.support.stored import database_of, index_folder, settings_of, writer_of

DOCUMENTS = 12


@contextmanager
def upkeep_of(service: RunningService) -> Iterator[Upkeep]:
    """Upkeep on the data of a service, in our own process beside it."""
    with Upkeep.open(settings_of(service)) as upkeep:
        yield upkeep


@dataclass(frozen=True, slots=True)
class Tended:
    """A collection with documents d0.txt to d11.txt, one chunk each."""

    service: RunningService
    upkeep: Upkeep
    name: str

    @classmethod
    def made(cls, service: RunningService, upkeep: Upkeep, name: str) -> Tended:
        """Feed the documents, replace one and delete one."""
        service.create_collection(name)
        lines = {f"d{n}.txt": f"Locker {n} belongs to person {n}. 储物柜{n}号。" for n in range(DOCUMENTS + 1)}
        service.feed(name, {document: line.encode() for document, line in lines.items()})
        service.put(name, "d0.txt", b"Locker 0 belongs to person zero by now.")
        with service.client() as client:
            assert client.delete(f"/v1/collections/{name}/documents/d{DOCUMENTS}.txt").status_code == 204
        tended = cls(service, upkeep, name)
        while tended.reports()[0].waiting_removals:  # the worker has this index's last commit yet to make
            time.sleep(0.1)
        return tended

    def reports(self, *, repair: bool = False, deep: bool = False) -> list[Report]:
        return self.upkeep.verify(self.name, repair=repair, deep=deep)

    def kinds(self, *, repair: bool = False, deep: bool = False) -> set[str]:
        """What is wrong with the index that answers, the only one."""
        (report,) = self.reports(repair=repair, deep=deep)
        return {finding.kind for finding in report.findings}

    def mend(self) -> None:
        """Repair, and hold it to what is found afterwards, whatever it says itself."""
        for repair in (True, False):
            (report,) = self.reports(repair=repair, deep=True)
            assert report.sound, report.lines()
        found = {hit["document_id"] for hit in self.service.search(self.name, "locker person", k=50)}
        assert found == {f"d{n}.txt" for n in range(DOCUMENTS)}

    def entry(self, chunk_id: int) -> IndexEntry:
        """What the index ought to hold of a chunk, with the vector that it holds."""
        with database_of(self.service) as database, database.read() as session:
            chunks = stored_chunks(session, Chunk.id == chunk_id)
        segments = Snapshot.open(index_folder(self.service, self.name), "bm25", "cpu").segments
        found = [each.dense.vectors[each.rows_of(np.array([chunk_id]))] for each in segments]
        return index_entries(chunks, np.concatenate(found)[-1:])[0]

    def write(self, *entries: IndexEntry, dropped: list[int] | None = None) -> None:
        """Change the index behind the database's back."""
        with writer_of(self.service, self.name) as writer:
            writer.tombstone(dropped or [])
            writer.add(entries)
            writer.commit()


def some_vector() -> Embeddings:
    """A direction that no text has."""
    found = np.random.default_rng(0).normal(size=384).astype(np.float32)
    return found / np.linalg.norm(found)
