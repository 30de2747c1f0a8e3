"""An OpenAI-compatible embeddings endpoint over real HTTP, with real vectors and faults on demand."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from indexes.embedders import Embedder


class Fault(Enum):
    """What happens to one request instead of a correct reply."""

    RATE_LIMITED = auto()
    RATE_LIMITED_FOR_LONG = auto()
    SERVER_ERROR = auto()
    HANG = auto()
    CLOSED = auto()
    REFUSED = auto()
    NOT_JSON = auto()
    ONE_SHORT = auto()
    NOT_A_NUMBER = auto()
    ZEROS = auto()
    OTHER_LENGTH = auto()


@dataclass
class EmbeddingsServer:
    """The endpoint's state: faults are consumed one for each request, then replies are correct."""

    embedder: Embedder
    key: str
    url: str = ""
    faults: deque[Fault] = field(default_factory=deque)
    requests: list[list[str]] = field(default_factory=list)
    most_at_once: int = 0
    now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: threading.Event = field(default_factory=threading.Event)


@contextmanager
def embeddings_server(embedder: Embedder, *faults: Fault, key: str = "sk-secret") -> Iterator[EmbeddingsServer]:
    """Serve the embedder's passage vectors, in reverse order of their index, on a free local port."""
    state = EmbeddingsServer(embedder, key, faults=deque(faults))
    handler = type("Handler", (_Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
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
    state: EmbeddingsServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        state = self.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with state.lock:
            state.requests.append(body["input"])
            fault = state.faults.popleft() if state.faults else None
            state.now += 1
            state.most_at_once = max(state.most_at_once, state.now)
        try:
            if self.path != "/v1/embeddings" or self.headers.get("Authorization") != f"Bearer {state.key}":
                self._reply(401, {"error": {"message": f"wrong key {self.headers.get('Authorization')}"}})
            elif fault is None or fault.value >= Fault.ONE_SHORT.value:
                self._embed(body["input"], fault)
            else:
                self._fail(fault)
        finally:
            with state.lock:
                state.now -= 1

    def _embed(self, texts: list[str], fault: Fault | None) -> None:
        vectors = [[3 * x for x in vector] for vector in self.state.embedder.embed_passages(texts).tolist()]
        if fault is Fault.NOT_A_NUMBER:
            vectors[-1][0] = float("nan")
        elif fault is Fault.ZEROS:
            vectors[-1] = [0.0] * len(vectors[-1])
        elif fault is Fault.OTHER_LENGTH:
            vectors[-1].pop()
        data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
        if fault is Fault.ONE_SHORT:
            data.pop()
        self._reply(200, {"object": "list", "data": data[::-1]})

    def _fail(self, fault: Fault) -> None:
        match fault:
            case Fault.RATE_LIMITED:
                self._reply(429, {"error": {"message": "slow down"}}, {"Retry-After": "0"})
            case Fault.RATE_LIMITED_FOR_LONG:
                self._reply(429, {"error": {"message": "come back tomorrow"}}, {"Retry-After": "86400"})
            case Fault.SERVER_ERROR:
                self._reply(500, {"error": {"message": "out of memory"}})
            case Fault.REFUSED:
                self._reply(400, {"error": {"message": f"no such model, {self.state.key}"}})
            case Fault.NOT_JSON:
                self._send(200, b"<html>gateway</html>", {})
            case Fault.HANG:
                self.state.stopped.wait(30)
                self.close_connection = True
            case _:
                self.close_connection = True

    def _reply(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), headers or {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True  # the client has given up, as some tests want it to

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Tests read the state, not a log."""
