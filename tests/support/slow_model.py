"""An OpenAI-compatible model server that writes a given text slowly, so that a stream can be seen and stopped."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class SlowModel:
    """The server's state: what it writes, the pause before each word, and how many readers left too early."""

    text: str
    pause_s: float
    url: str = ""
    abandoned: threading.Event = field(default_factory=threading.Event)


@contextmanager
def slow_model(text: str, *, pause_s: float = 0.05) -> Iterator[SlowModel]:
    """Serve /v1/models and /v1/chat/completions (streaming only) on a free local port."""
    state = SlowModel(text, pause_s)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    state: SlowModel

    def do_GET(self) -> None:
        self._send_head("application/json")
        self.wfile.write(json.dumps({"object": "list", "data": [{"id": "slow", "object": "model"}]}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._send_head("text/event-stream")
        try:
            for word in re.findall(r"\s*\S+", self.state.text):
                self._send_chunk({"index": 0, "delta": {"content": word}, "finish_reason": None})
                time.sleep(self.state.pause_s)
            self._send_chunk({"index": 0, "delta": {}, "finish_reason": "stop"})
            self.wfile.write(b"data: [DONE]\n\n")
        except (BrokenPipeError, ConnectionResetError):
            self.state.abandoned.set()

    def _send_head(self, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Connection", "close")
        self.end_headers()

    def _send_chunk(self, choice: dict[str, object]) -> None:
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "slow", "choices": [choice]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *args: object) -> None:
        """Stay silent."""
