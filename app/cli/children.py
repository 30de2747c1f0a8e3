"""The processes that `ragstone up` starts: they end when it does, however it ends."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType

import typer

from app.cli.checks import EXPLAINED
from app.cli.client import stop

_STOP_WITHIN_S = 15
_PR_SET_PDEATHSIG = 1


class Children:
    """Named child processes; leaving the block stops them and waits for their end."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str, inherits: Sequence[int] = ()) -> None:
        """Start a Python module in a session of its own: Ctrl-C in a terminal reaches this process alone.

        inherits: file descriptors that it gets under the same numbers.
        """
        self._processes[name] = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            pass_fds=inherits,
            start_new_session=True,
            preexec_fn=_end_with_parent(),  # noqa: PLW1509 - no thread runs here
        )

    def check(self) -> None:
        """End the command if a child has ended by itself, with a line unless the child has said why."""
        for name, process in self._processes.items():
            code = process.poll()
            if code in EXPLAINED:
                raise typer.Exit(code)
            if code is not None and code < 0:
                stop(f"the {name} was killed by signal {-code} ({signal.Signals(-code).name}): start it again.")
            if code is not None:
                stop(f"the {name} ended by itself; its last lines above say why.")

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + _STOP_WITHIN_S
        for process in self._processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _end_with_parent() -> Callable[[], None] | None:
    """Return what asks the kernel to end a child whose parent was killed; Linux alone can."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded here: little is safe to do between fork and exec

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask
