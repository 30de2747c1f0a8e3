"""The first minutes: `ragstone up` says where it is, gives a line to paste, keeps everything, and ends cleanly."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.support.service import ROOT, free_port

_WITHIN_S = 90
_PASTE = re.compile(r"^  (curl (?:.*\\\n)*.*)\n", re.MULTILINE)


class RunningUp:
    """A running `ragstone up`, in a process group of its own like a terminal's foreground job."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output

    def output_once_it_says(self, words: str) -> str:
        deadline = time.monotonic() + _WITHIN_S
        while time.monotonic() < deadline:
            text = self._output.read_text()
            if words in text:
                return text
            assert self.process.poll() is None, text
            time.sleep(0.05)
        raise AssertionError(f"no {words!r} within {_WITHIN_S} s:\n{text}")

    def output(self) -> str:
        return self._output.read_text()

    def children(self) -> list[int]:
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in listed.stdout.split()]


@contextmanager
def running_up(folder: Path, port: int) -> Iterator[RunningUp]:
    output = folder / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            _COMMAND, cwd=ROOT, env=_environment(folder, port), stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield RunningUp(process, output)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


_COMMAND = [sys.executable, "-m", "app.cli", "up"]


def _environment(folder: Path, port: int | str, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGSTONE_")}
    ours = {
        "RAGSTONE_DATA_DIR": str(folder / "data"),
        "RAGSTONE_PORT": str(port),
        "RAGSTONE_EXAMPLES": "0",
        "RAGSTONE_WORKERS": "2",
        "RAGSTONE_WORKER_NICE": "1",
    }
    return kept | ours | settings


def _refused(folder: Path, port: int | str, **settings: str) -> tuple[int, str]:
    """Start what cannot start; returns the exit code and all that it printed."""
    done = subprocess.run(
        _COMMAND,
        cwd=ROOT,
        env=_environment(folder, port, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_WITHIN_S,
        check=False,
    )
    return done.returncode, done.stdout


def _priority(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


def _alive(pid: int) -> bool:
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")


def test_first_start_gives_a_line_that_works_and_a_second_one_loses_nothing(tmp_path: Path) -> None:
    port = free_port()
    with running_up(tmp_path, port) as up:
        first = up.output_once_it_says("Ctrl-C stops it.")
        pasted = _PASTE.search(first)
        assert pasted is not None, first
        reply = subprocess.run(["bash", "-c", pasted[1]], capture_output=True, text=True, check=True)
        assert json.loads(reply.stdout) == {"collections": []}
        key = re.search(r"Admin key +(\S+)", first)
        assert key is not None
        children = up.children()
        assert len(children) == 3, "the server and two workers"
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        deadline = time.monotonic() + _WITHIN_S
        while sorted(map(_priority, children)) != [ours, min(19, ours + 1), min(19, ours + 1)]:
            assert time.monotonic() < deadline, "workers stand back for the server"
            time.sleep(0.05)
        os.killpg(up.process.pid, signal.SIGINT)
        assert up.process.wait(60) == 0
        assert up.output_once_it_says("Stopped.").count("Traceback") == 0
        assert not [pid for pid in children if _alive(pid)]

    with running_up(tmp_path, port) as up:
        assert key[0] in up.output_once_it_says("Ctrl-C stops it.")
        children = up.children()
        up.process.kill()
        up.process.wait()
        deadline = time.monotonic() + 60
        while any(map(_alive, children)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not [pid for pid in children if _alive(pid)], "no server or worker outlives a killed parent"


def test_killed_server_and_workers_are_started_again(tmp_path: Path) -> None:
    port = free_port()
    with (
        running_up(tmp_path, port) as up,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_WITHIN_S, trust_env=False) as client,
    ):
        key = re.search(r"Admin key +(\S+)", up.output_once_it_says("Ctrl-C stops it."))
        assert key is not None
        client.headers["Authorization"] = f"Bearer {key[1]}"
        assert client.put("/v1/collections/kept", json={}).is_success
        for pid in up.children():
            os.kill(pid, signal.SIGKILL)
        for name in ("server", "worker 1", "worker 2"):
            up.output_once_it_says(f"The {name} was killed by signal 9 (SIGKILL): starting it again.")
        # No reply was refused meanwhile: what came before the server was back has waited for it.
        reply = client.put("/v1/collections/kept/documents/d.txt", content=b"The heron nests in the north tower.")
        assert reply.status_code == 202
        deadline = time.monotonic() + _WITHIN_S
        while (job := client.get(f"/v1/jobs/{reply.json()['id']}").json())["state"] != "succeeded":
            assert time.monotonic() < deadline, job
        assert len(up.children()) == 3
        up.process.send_signal(signal.SIGTERM)
        assert up.process.wait(60) == 0


def test_child_that_dies_again_and_again_ends_the_command_with_a_line(tmp_path: Path) -> None:
    with running_up(tmp_path, free_port()) as up:
        up.output_once_it_says("Ctrl-C stops it.")
        killed: set[int] = set()
        deadline = time.monotonic() + _WITHIN_S
        while up.process.poll() is None and time.monotonic() < deadline:
            for pid in set(up.children()) - killed:
                killed.add(pid)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        assert up.process.wait(_WITHIN_S) == 1
        assert "was killed by signal 9 (SIGKILL), 6 times in a row" in up.output()


def test_taken_port_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, output = _refused(tmp_path, port)
    assert code == 5
    assert output.count("\n") == 1
    assert f"port {port} is taken" in output
    assert re.search(r"RAGSTONE_PORT=\d+ make run", output)


@pytest.mark.parametrize(
    ("settings", "code", "says"),
    [
        ({"RAGSTONE_PORT": "many"}, 2, "RAGSTONE_PORT"),
        ({"RAGSTONE_DATA_DIR": "/proc/version/data"}, 6, "set RAGSTONE_DATA_DIR to another folder"),
        ({"RAGSTONE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, 7, "The database does not answer"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(
    tmp_path: Path, settings: dict[str, str], code: int, says: str
) -> None:
    returned, output = _refused(tmp_path, free_port(), **settings)
    assert (returned, output.count("\n")) == (code, 1), output
    assert says in output


def test_of_two_started_at_once_one_serves_and_the_other_says_that_the_port_is_taken(tmp_path: Path) -> None:
    port = free_port()
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with running_up(folders[0], port) as one, running_up(folders[1], port) as two:
        deadline = time.monotonic() + _WITHIN_S
        while one.process.poll() is two.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        loser, winner = (one, two) if one.process.poll() is not None else (two, one)
        assert loser.process.wait(_WITHIN_S) == 5
        winner.output_once_it_says("Ctrl-C stops it.")
