"""One running service with a small collection, and one Chromium, for all tests of page and widget."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import chromium
from tests.support.service import RunningService, running_service

EVIL = "<img src=x onerror=\"alert('title')\"><script>alert('script')</script>"
LEAVE = """# Leave policy 🏝️

## Annual leave 🧾

Every colleague in Hangzhou receives fifteen days of annual leave a year. 😀 Unused annual leave lapses on 31 March.

## 病假

病假期间工资按百分之八十发放，需要提供医院证明。
"""
TRAVEL = """# Travel

A hotel night in Berlin is reimbursed up to 165 euros.

| City | Limit |
|---|---|
| Paris | 190 |
"""


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service with the collections `handbook` (three documents) and `empty`."""
    with running_service(tmp_path_factory.mktemp("pages")) as running:
        running.create_collection("handbook", title="Handbook & 手册")
        running.create_collection("empty")
        running.feed("handbook", {"leave.md": LEAVE.encode(), "travel.md": TRAVEL.encode()})
        evil = {"id": "evil", "title": EVIL, "text": f"The zanzibar protocol says {EVIL} to all visitors."}
        evil["uri"] = "javascript:alert('uri')"
        with running.client() as client:
            reply = client.post("/v1/collections/handbook/documents/bulk", content=json.dumps(evil) + "\n")
            running.wait_for_job(reply.json()["id"])
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A running Chromium."""
    with chromium() as running:
        yield running
