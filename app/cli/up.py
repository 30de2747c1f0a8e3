"""`ragstone up`: server and worker together, the example collection at the first start."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

import httpx
import typer

from app.cli.client import key_of, load_settings, server_address, stop
from app.cli.examples import load_examples
from core.settings import Settings

_READY_WITHIN_S = 120
_STOP_WITHIN_S = 15
_LEAST_FREE_BYTES = 200 * 2**20


def check_port(settings: Settings) -> None:
    """End the command with one line where the port cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                stop(
                    f"port {settings.port} is taken by another program: "
                    f"choose another, as in RAGSTONE_PORT={settings.port + 1} make run",
                    5,
                )
            stop(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}", 5)


def check_data_dir(settings: Settings) -> None:
    """Make the data folder; end the command with one line where it cannot be written or the disk is full."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        probe = settings.data_dir / f".write-test-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
        free = shutil.disk_usage(settings.data_dir).free
    except OSError as error:
        stop(f"cannot write to the data folder {settings.data_dir}: {error.strerror}", 6)
    if free < _LEAST_FREE_BYTES:
        stop(
            f"the disk of {settings.data_dir.resolve()} is full ({free // 2**20} MB free): free at least "
            f"{_LEAST_FREE_BYTES // 2**20} MB, or set RAGSTONE_DATA_DIR to a folder on another disk.",
            6,
        )


def up() -> None:
    """Start server and worker, load the examples once, and run until Ctrl-C.

    Example: RAGSTONE_PORT=8090 ragstone up
    """
    settings = load_settings()
    check_data_dir(settings)
    check_port(settings)
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: stopping.append(received))
    # Children in sessions of their own: Ctrl-C in a terminal reaches this process alone, which stops them.
    children = [
        subprocess.Popen([sys.executable, "-m", module, *rest], start_new_session=True)
        for module, *rest in (("app.cli", "serve"), ("ingest",))
    ]
    try:
        if _wait_until_ready(settings, children, stopping):
            loading = settings.examples and load_examples(settings)
            _greet(settings, loading=loading)
        while not stopping and all(child.poll() is None for child in children):
            time.sleep(0.2)
    finally:
        _stop(children)
    if not stopping:
        stop("the server or the worker ended by itself; its last lines above say why.", 1)
    typer.echo("Stopped.")


def _wait_until_ready(settings: Settings, children: Sequence[subprocess.Popen[bytes]], stopping: list[int]) -> bool:
    deadline = time.monotonic() + _READY_WITHIN_S
    with httpx.Client(base_url=server_address(settings), trust_env=False) as client:
        while time.monotonic() < deadline and not stopping:
            if any(child.poll() is not None for child in children):
                return False
            try:
                if client.get("/healthz").is_success:
                    return True
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    return False


def _greet(settings: Settings, *, loading: bool) -> None:
    address, key = server_address(settings), key_of(settings)
    question = '{"collection":"examples","question":"How many days of annual leave do I get?","stream":false}'
    note = "  The example documents are being read now (about a minute); the page shows the progress.\n"
    typer.echo(
        f"\nRagstone is ready.\n\n  Page       {address}/\n  API        {address}/docs\n  Admin key  {key}\n\n"
        f"{note if loading else ''}  Try it:\n\n"
        f"  curl -s {address}/v1/answers -H 'Authorization: Bearer {key}' \\\n"
        f"    -H 'Content-Type: application/json' -d '{question}'\n\n  Ctrl-C stops it.\n"
    )


def _stop(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + _STOP_WITHIN_S
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def serve() -> None:
    """Run the HTTP server alone.

    Example: RAGSTONE_HOST=0.0.0.0 ragstone serve
    """
    import uvicorn  # noqa: PLC0415 - the other commands start faster without it

    settings = load_settings()
    check_data_dir(settings)
    check_port(settings)
    uvicorn.run(
        "app.main:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )


def worker() -> None:
    """Run one ingestion worker alone; several may run at once.

    Example: ragstone worker
    """
    check_data_dir(load_settings())
    os.execv(sys.executable, [sys.executable, "-m", "ingest"])  # noqa: S606 - our own interpreter and module
