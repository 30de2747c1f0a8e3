"""A rerank endpoint over real HTTP, for the faults that a real server cannot be made to show on demand.

Between the faults it replies as vLLM does, with scores that a test can foresee: how often the passage says `word`.
"""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Fault(Enum):
    """What happens to one request instead of a correct reply."""

    SERVER_ERROR = auto()
    HANG = auto()
    DRIP = auto()
    CLOSED = auto()
    NOT_JSON = auto()
    ONE_SHORT = auto()
    WRONG_INDEX = auto()
    TWICE = auto()
    NOT_A_NUMBER = auto()
    ENDLESS = auto()


@dataclass
class RerankServer:
    """The endpoint's state: faults are consumed one for each request, the last of `always` is never used up."""

    word: str
    url: str = ""
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    most_at_once: int = 0
    now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: threading.Event = field(default_factory=threading.Event)


@contextmanager
def rerank_server(word: str = "", *faults: Fault) -> Iterator[RerankServer]:
    """Serve /v1/rerank on a free local port until the block ends."""
    state = RerankServer(word, faults=deque(faults))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: RerankServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        state = self.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with state.lock:
            state.requests.append(body | {"path": self.path, "key": self.headers.get("Authorization")})
            fault = state.faults.popleft() if state.faults else state.always
            state.now += 1
            state.most_at_once = max(state.most_at_once, state.now)
        try:
            self._answer(body, fault)
        except ConnectionError:
            self.close_connection = True  # the client has given up, as some tests want it to
        finally:
            with state.lock:
                state.now -= 1

    def _answer(self, body: dict[str, Any], fault: Fault | None) -> None:
        match fault:
            case Fault.SERVER_ERROR:
                self._send(500, b'{"error": {"message": "out of memory"}}')
            case Fault.NOT_JSON:
                self._send(200, b"<html>gateway</html>")
            case Fault.HANG:
                self._wait_until_the_client_goes()
                self.close_connection = True
            case Fault.CLOSED:
                self.close_connection = True
            case Fault.DRIP | Fault.ENDLESS:
                self._pour(slowly=fault is Fault.DRIP)
            case _:
                self._send(
                    200, json.dumps({"model": body["model"], "results": self._results(body, fault)}).encode()
                )

    def _results(self, body: dict[str, Any], fault: Fault | None) -> list[dict[str, Any]]:
        results = [
            {"index": i, "document": {"text": text}, "relevance_score": float(text.count(self.state.word))}
            for i, text in enumerate(body["documents"])
        ]
        if fault is Fault.ONE_SHORT:
            results.pop()
        elif fault is Fault.WRONG_INDEX:
            results[-1]["index"] = len(results)
        elif fault is Fault.TWICE:
            results[-1]["index"] = 0
        elif fault is Fault.NOT_A_NUMBER:
            results[-1]["relevance_score"] = float("nan")
        return sorted(results, key=lambda result: -result["relevance_score"])

    def _wait_until_the_client_goes(self) -> None:
        while not self.state.stopped.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.05)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def _pour(self, *, slowly: bool) -> None:
        """Send a body that is never complete: piece by piece, or as fast as it is taken."""
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 40))
        self.end_headers()
        while not self.state.stopped.is_set():
            self.wfile.write(b" " * (1 if slowly else 1 << 16))
            if slowly:
                time.sleep(0.02)

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Tests read the state, not a log."""
