"""The ingestion worker: leases work, runs the pipeline, tidies when idle."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy.orm import Session

from core import originals
from core.blobs import BlobStore
from core.database import Database
from core.errors import InvalidSettings, RagstoneError
from core.job_queue import LeasedItem, lease_items, release_items, renew_items
from core.settings import Settings, load_settings
from core.telemetry import configure_logging
from indexes.embedders.pool import EmbedderPool
from indexes.embedding import Stopped
from indexes.golden import Examiner
from indexes.upkeep import removals
from ingest import housekeeping
from ingest.compactor import Compactor
from ingest.following import Follower
from ingest.pipeline import Pipeline
from ingest.rebuilding import rebuild_outdated
from ingest.reindex import LeasedReindex, Reindexer, lease_reindex, release_reindex, renew_reindex
from ingest.sandbox import ParserProcess

logger = logging.getLogger("ragstone.worker")

# An idle worker tidies often, and one that is never idle now and then.
_TIDY_EVERY_S, _TIDY_AT_LEAST_EVERY_S = 60.0, 600.0
# Vectors are dropped with the chunks that held them; this finds those of crashes at an unlucky moment.
_SWEEP_EVERY_S = 86_400.0
_LONGEST_PAUSE_S = 30.0


class Worker:
    """One worker process. Several may run on one database."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._database = Database(settings.resolved_database_url)
        self._database.migrate()
        self._blobs = BlobStore(settings.blob_dir)
        self._embedders = EmbedderPool(settings)
        self._parser = ParserProcess(settings.parse_timeout_s, settings.max_document_chars)
        self._stop = threading.Event()
        self._pipeline = Pipeline(
            settings, self._database, self._blobs, self._embedders, self._parser, self._stop.is_set
        )
        examiner = Examiner(settings, self._database, self._embedders)
        self._reindexer = Reindexer(settings, self._database, self._pipeline, examiner)
        self._follower = Follower(settings, self._database, self._reindexer)
        self._reindex: LeasedReindex | None = None
        self._compactor = Compactor(settings, self._database)
        self._tidied_at = self._rebuilt_at = -_TIDY_AT_LEAST_EVERY_S
        self._swept_at: float | None = None

    def stop(self) -> None:
        """Ask the worker to end after the document that it is at."""
        self._stop.set()

    def run(self) -> None:
        """Work until stopped. What time mends (a full disk, a model that is down) is waited for."""
        self._compactor.start()
        logger.info("worker ready")
        pause = self._settings.worker_poll_s
        while not self._stop.is_set():
            try:
                worked = self._turn()
                pause = 0.0 if worked else self._settings.worker_poll_s
            except Stopped:
                break
            except RagstoneError as error:
                pause = min(max(pause, 0.5) * 2, _LONGEST_PAUSE_S)
                logger.warning("waiting %.0f s: %s", pause, error.detail)
            except Exception:
                pause = min(max(pause, 0.5) * 2, _LONGEST_PAUSE_S)
                logger.exception("the worker goes on in %.0f s after an unexpected error", pause)
            self._stop.wait(pause)
        self.close()

    def _turn(self) -> bool:
        """Do a piece of each kind of work; tells whether there was any.

        A kind that fails holds up no other: a damaged index must not keep its own reindex from running.
        """
        worked = False
        failure: RagstoneError | None = None
        for work in (self._rebuild_outdated, self._drain_deletions, self._ingest_batch, self._reindex_batch):
            try:
                worked = work() or worked
            except RagstoneError as error:
                failure = error
        if failure is not None and not worked:
            raise failure
        worked = worked or self._follower.step()
        since = time.monotonic() - self._tidied_at
        if since > _TIDY_AT_LEAST_EVERY_S or (not worked and since > _TIDY_EVERY_S):
            self._tidy()
        return worked

    def _tidy(self) -> None:
        self._collect_generations_and_vectors()
        originals.remove_doomed(self._database, self._blobs)
        originals.remove_lost(self._database, self._blobs)
        housekeeping.forget_conversations(self._settings, self._database)
        self._follower.look()
        self._tidied_at = time.monotonic()

    def _rebuild_outdated(self) -> bool:
        if time.monotonic() - self._rebuilt_at > _TIDY_EVERY_S:
            self._rebuilt_at = time.monotonic()
            rebuild_outdated(self._settings, self._database, self._embedders)
        return False

    def _collect_generations_and_vectors(self) -> None:
        went = removals.collect_generations(self._settings, self._database)
        now = time.monotonic()
        sweep = went or self._swept_at is None or now - self._swept_at > _SWEEP_EVERY_S
        housekeeping.collect_vectors(self._settings, self._database, sweep=sweep)
        self._swept_at = now if sweep else self._swept_at

    def _drain_deletions(self) -> bool:
        return removals.drain_deletions(self._settings, self._database)

    def _ingest_batch(self) -> bool:
        with self._database.write() as session:
            items = lease_items(
                session, self._owner, self._settings.lease_s, self._settings.worker_batch, time.time()
            )
        if items:
            self._ingest(items)
        return bool(items)

    def _reindex_batch(self) -> bool:
        leased = self._reindex
        if leased is None:
            with self._database.write() as session:
                leased = lease_reindex(session, self._owner, self._settings.lease_s, time.time())
        if leased is None:
            return False
        self._reindex = None  # where the step fails, another lease is needed
        job_id = leased.job_id
        with self._heartbeat(lambda session: renew_reindex(session, self._owner, job_id, self._settings.lease_s)):
            try:
                goes_on = self._reindexer.step(leased, self._owner)
            except Stopped:
                self._reindex = leased
                raise
        if goes_on:
            self._reindex = leased
        else:  # something was replaced, or given up
            self._tidied_at = -_TIDY_AT_LEAST_EVERY_S
        return True

    def _ingest(self, items: Sequence[LeasedItem]) -> None:
        ids = [item.item_id for item in items]
        attempt_counts = True
        with self._heartbeat(lambda session: renew_items(session, self._owner, ids, self._settings.lease_s)):
            try:
                self._pipeline.run(items)
                attempt_counts = not self._stop.is_set()
            except RagstoneError:
                attempt_counts = False  # a part of the service was missing, which is no document's fault
                raise
            finally:
                with self._database.write() as session:
                    release_items(session, self._owner, ids, attempt_counts=attempt_counts)
        self._follower.look()

    @contextmanager
    def _heartbeat(self, renew_lease: Callable[[Session], None]) -> Iterator[None]:
        """Renew leases while a batch is under way."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(self._settings.lease_s / 3):
                with self._database.write() as session:
                    renew_lease(session)

        thread = threading.Thread(target=renew, name="lease-heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def close(self) -> None:
        """Release everything; idempotent."""
        if self._reindex is not None:
            with self._database.write() as session:
                release_reindex(session, self._owner, self._reindex.job_id)
            self._reindex = None
        self._compactor.stop()
        self._parser.close()
        self._embedders.close()
        self._database.close()


def main() -> None:
    """Run a worker until SIGTERM or SIGINT."""
    try:
        settings = load_settings()
    except InvalidSettings as error:
        print(f"ragstone: {error.detail}", file=sys.stderr)
        sys.exit(2)
    configure_logging(settings.log_format, settings.log_level)
    os.nice(settings.worker_nice)
    worker = Worker(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    worker.run()
