"""Whether the compiled loops can be used yet.

Loading numba and its loops takes a second or two, and compiling them, once on a machine, many seconds. Until that
is done, beside the first questions, numpy's engines find the same.
"""

from __future__ import annotations

import logging
import threading

log = logging.getLogger(__name__)

# The first question is answered before loading begins, which would take half of the interpreter from it.
_AFTER_FIRST_S = 0.5


class Loops:
    """The compiled loops of one process; safe to use from several threads."""

    def __init__(self) -> None:
        self.ready = False
        self._loader: threading.Thread | None = None
        self._wait = threading.Event()
        self._begun = threading.Lock()

    def want(self) -> bool:
        """Return whether they can be used; if not, have them loaded soon."""
        if not self.ready and self._loader is None:
            self._begin()
        return self.ready

    def load(self) -> None:
        """Have them loaded at once, without waiting for it."""
        self._wait.set()
        self.want()

    def wait(self) -> bool:
        """Have them loaded and wait until that is done; returns whether they can be used."""
        self.load()
        assert self._loader is not None
        self._loader.join()
        return self.ready

    def _begin(self) -> None:
        with self._begun:
            if self._loader is None:
                self._loader = threading.Thread(target=self._load, name="compiled-loops", daemon=True)
                self._loader.start()

    def _load(self) -> None:
        self._wait.wait(_AFTER_FIRST_S)
        try:
            from indexes.lexical import compiled as lexical  # noqa: PLC0415 - seconds, and its absence is handled
            from indexes.translation import compiled as translation  # noqa: PLC0415 - as above
        except ImportError:
            log.info("Words are searched by numpy: `make run EXTRAS=fast` installs numba, with which it is faster.")
            return
        lexical.warm_up()
        translation.warm_up()
        self.ready = True


LOOPS = Loops()
