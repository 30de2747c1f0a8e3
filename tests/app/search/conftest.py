"""One running service with some of the example documents, for all tests of /v1/search."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.service import ROOT, RunningService, running_service

DOCUMENTS = ROOT / "examples" / "documents"
_FOLDERS = ("finance", "hr", "products")


@pytest.fixture(scope="package")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service with the collection `examples`: the documents of three folders, in both languages."""
    with running_service(tmp_path_factory.mktemp("search")) as running:
        running.create_collection("examples")
        files = [path for folder in _FOLDERS for path in sorted((DOCUMENTS / folder).iterdir())]
        job = running.feed("examples", {str(path.relative_to(DOCUMENTS)): path.read_bytes() for path in files})
        assert job["state"] == "succeeded", job
        yield running


@pytest.fixture
def client(examples: RunningService) -> Iterator[httpx.Client]:
    """A client with the admin key."""
    with examples.client() as opened:
        yield opened
