"""`ragstone serve` and `ragstone worker`: one part of the service alone."""

from __future__ import annotations

import os
import sys

from app.cli.checks import check_data_dir, check_database, check_port
from app.cli.client import load_settings


def serve() -> None:
    """Run the HTTP server alone.

    Example: RAGSTONE_HOST=0.0.0.0 ragstone serve
    """
    import uvicorn  # noqa: PLC0415 - the other commands start faster without it

    settings = load_settings()
    check_data_dir(settings)
    check_port(settings)
    check_database(settings)
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
    settings = load_settings()
    check_data_dir(settings)
    check_database(settings)
    os.execv(sys.executable, [sys.executable, "-m", "ingest"])  # noqa: S606 - our own interpreter and module
