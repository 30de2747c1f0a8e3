"""One running service with a small handbook in both languages, for all tests of /v1/answers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.support.service import RunningService, running_service

# Characters beyond the basic plane come first: offsets that count UTF-16 units or bytes would be off.
LEAVE = """# Leave 🏝️🧾

😀 Welcome, 𠮷野家 colleagues.

Every colleague in Hangzhou receives fifteen days of annual leave a year. Unused annual leave lapses on 31 March.
"""
TRAVEL = """# 差旅制度

出差住宿标准为每晚五百元。报销差旅费用需要发票和行程单。
"""
BADGES = {
    "id": "badges",
    "title": "Badges",
    "text": "A lost badge is reported to the reception desk within one day.",
    "uri": "https://intranet.example/badges",
    "metadata": {"team": "security"},
}
SALARIES = {
    "id": "salaries",
    "title": "Salaries",
    "text": "The zanzibar bonus of directors is paid in April.",
    "groups": ["board"],
}


@pytest.fixture(scope="package")
def handbook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service with the collections `handbook` (four documents, one only for the board) and `empty`."""
    with running_service(tmp_path_factory.mktemp("answers")) as running:
        running.create_collection("handbook")
        running.create_collection("empty")
        running.feed("handbook", {"leave.md": LEAVE.encode(), "差旅.md": TRAVEL.encode()})
        with running.client() as client:
            lines = "\n".join(map(json.dumps, (BADGES, SALARIES)))
            running.wait_for_job(client.post("/v1/collections/handbook/documents/bulk", content=lines).json()["id"])
        yield running


@pytest.fixture
def client(handbook: RunningService) -> Iterator[httpx.Client]:
    """A client with the admin key."""
    with handbook.client() as opened:
        yield opened
