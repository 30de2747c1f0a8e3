"""The real service, over real HTTP: server and worker as processes of their own, on a folder of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
ADMIN_KEY = "rs_test-admin-key-of-the-suite"
_START_WITHIN_S = 90
# What is derived from the models' packages is the same for every service, and takes seconds to derive.
MODELS = ROOT / ".test-artifacts" / "models"


def free_port() -> int:
    """Return a port that nobody listens on at present."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RunningService:
    """A running service and its processes."""

    data_dir: Path
    port: int
    environment: dict[str, str]
    server: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin_key(self) -> str:
        return ADMIN_KEY

    def client(self, key: str | None = ADMIN_KEY) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120, trust_env=False)

    def start_server(self) -> None:
        self.server = self._spawn("-m", "app.cli", "serve")
        deadline = time.monotonic() + _START_WITHIN_S
        with httpx.Client(trust_env=False) as client:
            while time.monotonic() < deadline:
                if self.server.poll() is not None:
                    raise AssertionError(f"the server did not start:\n{self.log()[-3000:]}")
                with suppress(httpx.TransportError):
                    if client.get(f"{self.url}/healthz").is_success:
                        return
                time.sleep(0.05)
        raise AssertionError(f"the server was not ready within {_START_WITHIN_S} s:\n{self.log()[-3000:]}")

    def start_worker(self) -> subprocess.Popen[bytes]:
        process = self._spawn("-m", "ingest")
        self.workers.append(process)
        return process

    def _spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self.data_dir / "service.log").open("ab")
        with log:
            return subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    def log(self) -> str:
        return (self.data_dir / "service.log").read_text(errors="replace")

    def stop(self) -> None:
        for process in [*self.workers, *([self.server] if self.server else [])]:
            if process.poll() is None:
                process.terminate()
        for process in [*self.workers, *([self.server] if self.server else [])]:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.workers.clear()
        self.server = None

    def create_collection(self, name: str, **settings: Any) -> None:
        with self.client() as client:
            reply = client.put(f"/v1/collections/{name}", json=settings)
            assert reply.status_code in {200, 201}, reply.text

    def put(
        self, collection: str, document_id: str, data: bytes, content_type: str = "text/plain"
    ) -> dict[str, Any]:
        """Put one document and wait until its job has ended; returns the job."""
        with self.client() as client:
            reply = client.put(
                f"/v1/collections/{collection}/documents/{document_id}",
                content=data,
                headers={"Content-Type": content_type},
            )
            assert reply.status_code == 202, reply.text
            return self.wait_for_job(reply.json()["id"])

    def feed(self, collection: str, documents: dict[str, bytes]) -> dict[str, Any]:
        """Upload files in one request and wait; returns the job."""
        with self.client() as client:
            files = [("files", (name, data)) for name, data in documents.items()]
            reply = client.post(f"/v1/collections/{collection}/documents", files=files)
            assert reply.status_code == 202, reply.text
            return self.wait_for_job(reply.json()["id"])

    def wait_for_job(self, job_id: str, within_s: float = 300) -> dict[str, Any]:
        deadline = time.monotonic() + within_s
        with self.client() as client:
            while time.monotonic() < deadline:
                job: dict[str, Any] = client.get(f"/v1/jobs/{job_id}").json()
                if job["finished_at"]:
                    return job
                time.sleep(0.05)
        raise AssertionError(f"job {job_id} did not end within {within_s} s: {job}\n{self.log()[-3000:]}")

    def search(self, collection: str, query: str, **options: Any) -> list[dict[str, Any]]:
        with self.client() as client:
            reply = client.post("/v1/search", json={"collection": collection, "query": query, **options})
            assert reply.status_code == 200, reply.text
            hits: list[dict[str, Any]] = reply.json()["hits"]
            return hits


@contextmanager
def running_service(
    data_dir: Path, *, workers: int = 1, database_url: str = "", **settings: str
) -> Iterator[RunningService]:
    """Run server and workers on a folder until the block ends. settings are RAGSTONE_ variables without prefix."""
    port = free_port()
    data_dir.mkdir(parents=True, exist_ok=True)
    MODELS.mkdir(parents=True, exist_ok=True)
    if not (data_dir / "models").exists():
        (data_dir / "models").symlink_to(MODELS)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGSTONE_")}
    environment = kept | {
        "RAGSTONE_PORT": str(port),
        "RAGSTONE_DATA_DIR": str(data_dir),
        "RAGSTONE_DATABASE_URL": database_url,
        "RAGSTONE_ADMIN_KEY": ADMIN_KEY,
        "RAGSTONE_EXAMPLES": "0",
        "RAGSTONE_WORKER_POLL_S": "0.05",
        # On a machine that others use too, a worker that stands back may never come to its turn.
        "RAGSTONE_WORKER_NICE": "0",
        "HF_HUB_OFFLINE": "1",
        **{f"RAGSTONE_{name.upper()}": value for name, value in settings.items()},
    }
    service = RunningService(data_dir, port, environment)
    try:
        service.start_server()
        for _ in range(workers):
            service.start_worker()
        yield service
    finally:
        service.stop()
