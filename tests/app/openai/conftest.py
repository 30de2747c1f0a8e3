"""One running service with a small handbook, and stock OpenAI clients for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI

from tests.support.service import RunningService, running_service

LEAVE = b"Every colleague in Hangzhou receives fifteen days of annual leave a year."
DELFT = b"Every colleague in Delft receives twenty-six days of annual leave a year."
QUESTION = "How many days of annual leave does a colleague in Hangzhou receive?"


@pytest.fixture(scope="package")
def handbook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service with the collection `handbook`."""
    with running_service(tmp_path_factory.mktemp("openai")) as running:
        running.create_collection("handbook")
        running.feed("handbook", {"leave.txt": LEAVE, "delft office.txt": DELFT})
        yield running


@pytest.fixture
def client(handbook: RunningService) -> Iterator[OpenAI]:
    """The stock client; it does not try again, so that each error is seen once."""
    with openai_client(handbook) as opened:
        yield opened


def openai_client(service: RunningService, key: str | None = None) -> OpenAI:
    """A stock client for a service, with the admin key or another."""
    return OpenAI(base_url=f"{service.url}/v1", api_key=key or service.admin_key, max_retries=0)
