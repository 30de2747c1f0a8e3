"""Milvus Lite as a server of its own, as several processes need it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.service import free_port

_START_WITHIN_S = 60


@contextmanager
def milvus_server(folder: Path) -> Iterator[str]:
    """Run a server on a folder until the block ends; yields its URI."""
    port = free_port()
    command = ["-m", "milvus_lite.cmdline", "server", "--data-dir", str(folder), "--host", "127.0.0.1"]
    with (folder.parent / "milvus.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, *command, "--port", str(port)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + _START_WITHIN_S
        while time.monotonic() < deadline:
            assert process.poll() is None, (folder.parent / "milvus.log").read_text()[-2000:]
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
