"""The processes that `ragstone up` starts: they are started again where they die, and end when it does."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import typer

from app.cli.checks import EXPLAINED
from app.cli.client import stop

_STOP_WITHIN_S = 15
# A child that dies more often than this within a minute is not started again.
_MOST_RESTARTS = 5
_RESTARTS_WITHIN_S = 60.0
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class _Child:
    """A process, and what it takes to start it again. restarts: when it was, by the monotonic clock."""

    name: str
    arguments: Sequence[str]
    inherits: Sequence[int]
    process: subprocess.Popen[bytes]
    restarts: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_RESTARTS))


class Children:
    """Named child processes; leaving the block stops them and waits for their end."""

    def __init__(self) -> None:
        self._children: list[_Child] = []

    def start(self, name: str, *arguments: str, inherits: Sequence[int] = ()) -> None:
        """Start a Python module in a session of its own: Ctrl-C in a terminal reaches this process alone.

        inherits: file descriptors that it gets under the same numbers; they stay open here for its next start.
        """
        self._children.append(_Child(name, arguments, inherits, _started(arguments, inherits)))

    def check(self) -> None:
        """Start again what has ended by itself.

        Ends the command where a child has said why it cannot run, or has died again and again.
        """
        for child in self._children:
            code = child.process.poll()
            if code is None:
                continue
            if code in EXPLAINED:
                raise typer.Exit(code)
            how = f"was killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else "ended by itself"
            now = time.monotonic()
            if len(child.restarts) == _MOST_RESTARTS and now - child.restarts[0] < _RESTARTS_WITHIN_S:
                stop(f"the {child.name} {how}, {_MOST_RESTARTS + 1} times in a row; the lines above may say why.")
            typer.echo(f"The {child.name} {how}: starting it again.", err=True)
            child.restarts.append(now)
            child.process = _started(child.arguments, child.inherits)

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        processes = [child.process for child in self._children]
        for process in processes:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + _STOP_WITHIN_S
        for process in processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _started(arguments: Sequence[str], inherits: Sequence[int]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        pass_fds=inherits,
        start_new_session=True,
        preexec_fn=_end_with_parent(),  # noqa: PLW1509 - no thread runs here
    )


def _end_with_parent() -> Callable[[], None] | None:
    """Return what asks the kernel to end a child whose parent was killed; Linux alone can."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded here: little is safe to do between fork and exec

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask
