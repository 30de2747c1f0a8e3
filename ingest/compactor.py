"""Merges index segments in a thread of the worker, so that feeding goes on meanwhile."""

from __future__ import annotations

import logging
import threading

from core.database import Database
from core.errors import RagstoneError
from core.settings import Settings
from ingest.housekeeping import merge_segments

logger = logging.getLogger("ragstone.worker")

_PAUSE_S = 2.0
_PAUSE_AFTER_ERROR_S = 30.0


class Compactor:
    """Looks every few seconds for merges that commits have left undone; several workers share the work."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._stop = threading.Event()
        # A merge that is cut off loses nothing, so that no stop of the worker waits for one.
        self._thread = threading.Thread(target=self._run, name="compactor", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no further merge; returns at once."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            pause = _PAUSE_S
            try:
                merge_segments(self._settings, self._database, self._stop.is_set)
            except RagstoneError as error:
                logger.warning("segments are merged later: %s", error.detail)
                pause = _PAUSE_AFTER_ERROR_S
            except Exception:
                logger.exception("merging goes on in %.0f s after an unexpected error", _PAUSE_AFTER_ERROR_S)
                pause = _PAUSE_AFTER_ERROR_S
            self._stop.wait(pause)
