"""Runs a function in a child process in which each change to the outside can be forbidden or be its last.

A change is what the kernel is asked for: a write, an fsync, a rename, a file or folder made or removed, a message
to a database server. The kernel asks us first (seccomp(2), SECCOMP_RET_USER_NOTIF), so that what C libraries do,
SQLite above all, counts too. Linux on x86-64 and aarch64.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fcntl import ioctl

KILL = -1
# Number of each call, where the machine has it.
_CALLS = {
    "x86_64": {
        "write": 1, "pwrite64": 18, "writev": 20, "pwritev": 296, "fsync": 74, "fdatasync": 75, "truncate": 76,
        "ftruncate": 77, "rename": 82, "renameat": 264, "renameat2": 316, "mkdir": 83, "mkdirat": 258, "rmdir": 84,
        "unlink": 87, "unlinkat": 263, "link": 86, "symlink": 88, "sendfile": 40, "copy_file_range": 326,
        "fallocate": 285, "sendto": 44,
    },
    "aarch64": {
        "write": 64, "pwrite64": 68, "writev": 66, "pwritev": 70, "fsync": 82, "fdatasync": 83, "truncate": 45,
        "ftruncate": 46, "renameat": 38, "renameat2": 276, "mkdirat": 34, "unlinkat": 35, "linkat": 37,
        "symlinkat": 36, "sendfile": 71, "copy_file_range": 285, "fallocate": 47, "sendto": 206,
    },
}  # fmt: skip
# Calls that are a change if they may make a file: number, and the place of their flags.
_OPENS = {"x86_64": {"open": (2, 1), "openat": (257, 2)}, "aarch64": {"openat": (56, 2)}}
_ARCHITECTURE = {"x86_64": (0xC000003E, 317), "aarch64": (0xC00000B7, 277)}  # for the filter; number of seccomp(2)
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NOTIFY, _ALLOW = 0x7FC00000, 0x7FFF0000
_SET_MODE_FILTER, _NEW_LISTENER, _CONTINUE = 1, 8, 1
_NO_NEW_PRIVILEGES = 38
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_RECEIVE, _SEND = 0xC0502100, 0xC0182101


@dataclass(frozen=True, slots=True)
class Change:
    """What a child asks for: the number of the change, from 1, the call, and its file where it names one."""

    number: int
    call: str
    file: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How many changes a child asked for, and how it ended: killed by us, or with an exit code."""

    changes: int
    killed: bool
    exit_code: int


def run_watched(action: Callable[[], None], decide: Callable[[Change], int]) -> Ended:
    """Run action in a fork of this process; decide on each change: 0 lets it happen, KILL ends the child before it,

    and an errno makes the call fail with it. The child's exit code is 1 where action raised.
    """
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        _be_child(theirs, action)
    theirs.close()
    _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    ours.close()
    changes, killed = _supervise(child, descriptors[0], decide)
    os.close(descriptors[0])
    _, status = os.waitpid(child, 0)
    return Ended(changes, killed, os.waitstatus_to_exitcode(status))


def _be_child(to_parent: socket.socket, action: Callable[[], None]) -> None:
    code = 1
    try:
        listener = _install_filter()
        socket.send_fds(to_parent, [b"."], [listener])
        os.close(listener)
        action()
        code = 0
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(code)


def _supervise(child: int, listener: int, decide: Callable[[Change], int]) -> tuple[int, bool]:
    machine = platform.machine()
    numbers = {number: name for name, number in _CALLS[machine].items()}
    numbers |= {number: name for name, (number, _) in _OPENS[machine].items()}
    waiting = select.poll()
    waiting.register(listener, select.POLLIN)
    count = 0
    while True:
        (_, event) = waiting.poll()[0]
        if not event & select.POLLIN:
            return count, False  # nobody is left that could ask
        buffer = bytearray(_NOTIFICATION.size)
        try:
            ioctl(listener, _RECEIVE, buffer)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.EINTR}:
                continue
            raise
        id_, thread, _, number, _, _, first, *_ = _NOTIFICATION.unpack(buffer)
        count += 1
        verdict = decide(Change(count, numbers[number], _file_of(thread, first)))
        if verdict == KILL:
            os.kill(child, signal.SIGKILL)
            return count, True
        answer = struct.pack("=QqiI", id_, 0, -verdict, 0 if verdict else _CONTINUE)
        with suppress(FileNotFoundError):  # the thread was interrupted
            ioctl(listener, _SEND, bytearray(answer))


def _file_of(thread: int, descriptor: int) -> str:
    try:
        return os.readlink(f"/proc/{thread}/fd/{descriptor & 0xFFFFFFFF}")
    except OSError:
        return ""


def _install_filter() -> int:
    """Have the kernel ask before each change of this thread and all that it starts; returns where it asks."""
    machine = platform.machine()
    architecture, seccomp = _ARCHITECTURE[machine]
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, 0)]
    for number in _CALLS[machine].values():
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _NOTIFY)]
    for number, place in _OPENS[machine].values():
        flags = 16 + 8 * place
        steps += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, flags), (_ANY_BIT, 0, 1, os.O_CREAT)]
        steps += [(_RETURN, 0, 0, _NOTIFY), (_RETURN, 0, 0, _ALLOW)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    described = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(program)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")
    listener = libc.syscall(seccomp, _SET_MODE_FILTER, _NEW_LISTENER, described)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp(SECCOMP_FILTER_FLAG_NEW_LISTENER)")
    return int(listener)
