"""Runs a function in a child process that dies before its nth change to the file system."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
_DIED = 77


def died_at(change: int, action: Callable[[], None]) -> bool:
    """Run action and let it die before its change number `change`, from 1; False if it ended before that.

    A change is a file opened for writing, a rename, a removal, a folder made, or an fsync.
    """
    child = os.fork()
    if child == 0:
        try:
            _die_at(change)
            action()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, _DIED}, f"the child failed with exit code {code}"
    return code == _DIED


def _die_at(change: int) -> None:
    left = change
    fsync = os.fsync

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(_DIED)

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if event in _CHANGES:
            count()
        elif event == "open":
            flags = arguments[2]
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
                count()

    def counted_fsync(descriptor: int) -> None:
        count()
        fsync(descriptor)

    os.fsync = counted_fsync
    sys.addaudithook(audit)
