"""A fault injector: an OpenAI-compatible model server over real HTTP that fails when and as it is told.

For what no real model server can be made to do on demand. Everything else is tested with a real vLLM.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Act(Enum):
    """What happens at a point of a reply, beside text."""

    HANG = auto()  # say nothing until the reader goes
    IDLE = auto()  # give signs of life, but no text, until the reader goes
    HOLD = auto()  # as IDLE, but go on once `release` is set
    RESET = auto()  # break the connection
    END = auto()  # end the body as if all had been said
    FOREVER = auto()  # say the last text again until the reader goes


@dataclass(frozen=True)
class Status:
    """An HTTP error in place of a reply."""

    code: int
    message: str = "out of memory"
    retry_after: str = ""


# A str is content of the answer; bytes are sent as the data of an event, whatever they are. What comes after the
# last one is a proper end.
Reply = Sequence[str | bytes | Act] | Status
GOOD: Reply = ("Every colleague receives fifteen days of annual leave a year", " [1]", ".")


@dataclass
class FaultyModel:
    """The server's state. Each request takes the next reply of `script`; without one the reply is GOOD."""

    script: deque[Reply] = field(default_factory=deque)
    requests: list[dict[str, Any]] = field(default_factory=list)
    reader_left: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer | None = None
    _port: int = 0

    def will(self, *replies: Reply) -> None:
        """Forget what was, and reply like this to the next requests."""
        self.script.clear()
        self.script.extend(replies)
        self.requests.clear()
        self.reader_left.clear()
        self.release.clear()

    def start(self) -> None:
        """Listen: on a free port the first time, then always on the same one."""
        handler = type("Handler", (_Handler,), {"state": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._server.daemon_threads = True
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections; idempotent."""
        self.release.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"


class _Handler(BaseHTTPRequestHandler):
    state: FaultyModel
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send_json(200, {"object": "list", "data": [{"id": "faulty", "max_model_len": 4096}]})

    def do_POST(self) -> None:
        state = self.state
        state.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        reply = state.script.popleft() if state.script else GOOD
        try:
            if isinstance(reply, Status):
                body = {"error": {"message": reply.message, "code": reply.code}}
                self._send_json(reply.code, body, reply.retry_after)
            else:
                self._send(reply)
        except ConnectionError:
            state.reader_left.set()

    def _send_json(self, status: int, body: object, retry_after: str = "") -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def _send(self, reply: Sequence[str | bytes | Act]) -> None:
        self.close_connection = True
        if reply[0] is not Act.HANG:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
        said = b""
        for step in reply:
            if isinstance(step, Act):
                if not self._goes_on(step, said):
                    return
            else:
                said = step if isinstance(step, bytes) else _chunk({"content": step})
                self._event(said)
        self._event(_chunk({}, "stop"))
        self._event(json.dumps({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}).encode())
        self._event(b"[DONE]")
        self._piece(b"")

    def _goes_on(self, act: Act, said: bytes) -> bool:
        """Act; False where the reply is over."""
        match act:
            case Act.HOLD:
                while not self.state.release.wait(0.05):
                    self._event(b'{"choices": []}')
                return True
            case Act.HANG:
                self._hang()
            case Act.RESET:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            case Act.END:
                self._piece(b"")
            case Act.IDLE:
                while True:
                    self._event(b'{"choices": []}')
                    time.sleep(0.05)
            case Act.FOREVER:
                while True:
                    self._event(said)
        return False

    def _event(self, data: bytes) -> None:
        self._piece(b"data: " + data + b"\n\n")

    def _piece(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _hang(self) -> None:
        """Wait for the reader to close, at most half a minute."""
        readable, _, _ = select.select([self.connection], [], [], 30)
        if readable and not self.connection.recv(1):
            self.state.reader_left.set()

    def log_message(self, *args: object) -> None:
        """Stay silent: tests read the state."""


def _chunk(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return json.dumps({"choices": [choice]}, ensure_ascii=False).encode()
