"""Puts, deletes and reindexes over HTTP for as long as others ask, remembering when each was said to be done."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from tests.reliability.history import Change
from tests.reliability.manuals import body, document_id
from tests.support.service import RunningService

COLLECTION = "storm"
_DELETES = 0.35
_CHUNKS = (60, 32)  # what reindexes go to and fro between


class Changer(threading.Thread):
    """Changes manuals of its own, one at a time."""

    def __init__(self, service: RunningService, manuals: range, seed: int, revisions: Iterator[int]) -> None:
        super().__init__(daemon=True)
        self.changes: list[Change] = []
        self.error: BaseException | None = None
        self._service = service
        self._manuals = manuals
        self._random = random.Random(seed)
        self._revisions = revisions
        self._live: set[int] = set()
        self._ended = threading.Event()

    def fill(self) -> None:
        """Put all manuals in one go."""
        revisions = {manual: next(self._revisions) for manual in self._manuals}
        began = time.monotonic()
        texts = {document_id(manual): body(manual, revision) for manual, revision in revisions.items()}
        assert self._service.feed(COLLECTION, texts)["state"] == "succeeded"
        now = time.monotonic()
        self.changes += [Change(manual, revision, began, now) for manual, revision in revisions.items()]
        self._live.update(self._manuals)

    def run(self) -> None:
        try:
            while not self._ended.is_set():
                manual = self._random.choice(self._manuals)
                if manual in self._live and self._random.random() < _DELETES:
                    self._remove(manual)
                else:
                    self._put(manual)
        except BaseException as error:  # told by `finish`
            self.error = error

    def finish(self) -> None:
        """Make no further change; raises what made a change fail."""
        self._ended.set()
        self.join()
        if self.error is not None:
            raise self.error

    def _put(self, manual: int) -> None:
        revision = next(self._revisions)
        began = time.monotonic()
        job = self._service.put(COLLECTION, document_id(manual), body(manual, revision), "text/markdown")
        assert job["state"] == "succeeded", job
        self.changes.append(Change(manual, revision, began, time.monotonic()))
        self._live.add(manual)

    def _remove(self, manual: int) -> None:
        began = time.monotonic()
        with self._service.client() as client:
            reply = client.delete(f"/v1/collections/{COLLECTION}/documents/{document_id(manual)}")
        assert reply.status_code == 204, reply.text
        self.changes.append(Change(manual, None, began, time.monotonic()))
        self._live.discard(manual)


class Rebuilder(threading.Thread):
    """Reindexes again and again, with chunks of another size each time."""

    def __init__(self, service: RunningService) -> None:
        super().__init__(daemon=True)
        self.switches = 0
        self._service = service
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            wanted = {"collection": COLLECTION, "chunk_target_tokens": _CHUNKS[(self.switches + 1) % 2]}
            with self._service.client() as client:
                reply = client.post("/v1/admin/reindex", json=wanted)
            assert reply.status_code == 202, reply.text
            assert self._service.wait_for_job(reply.json()["id"])["state"] == "succeeded"
            self.switches += 1

    def finish(self) -> None:
        """Begin no further reindex."""
        self._ended.set()
        self.join()


@contextmanager
def changing(
    service: RunningService, manuals: int, changers: int, seed: int
) -> Iterator[tuple[list[Changer], Rebuilder]]:
    """Make the collection, then change and reindex it until the block ends."""
    service.create_collection(COLLECTION, chunk_target_tokens=_CHUNKS[0])
    revisions = count(1)
    shares = [range(first, manuals, changers) for first in range(changers)]
    feeders = [Changer(service, share, seed + place, revisions) for place, share in enumerate(shares)]
    for feeder in feeders:
        feeder.fill()
    rebuilder = Rebuilder(service)
    for thread in (*feeders, rebuilder):
        thread.start()
    try:
        yield feeders, rebuilder
    finally:
        rebuilder.finish()
        for feeder in feeders:
            feeder.finish()
