"""The parts that cost seconds to start, started once for all tests and only when one asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from indexes.embedders.e5 import E5Embedder

# A deadline would make the tests depend on how busy the machine is.
settings.register_profile("ragstone", deadline=None, print_blob=True)
settings.load_profile("ragstone")


@pytest.fixture(scope="session")
def e5(tmp_path_factory: pytest.TempPathFactory) -> Iterator[E5Embedder]:
    """The embedded default on real weights, opened once for all tests."""
    from indexes.embedders.e5 import E5Embedder

    embedder = E5Embedder(tmp_path_factory.mktemp("models"))
    yield embedder
    embedder.close()


@pytest.fixture(scope="session")
def vllm_url() -> Iterator[str]:
    """The base URL, with /v1, of a real vLLM that serves the model `tiny`; takes about a minute to start."""
    from tests.support.vllm_server import running_vllm

    with running_vllm() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a throw-away PostgreSQL."""
    from tests.support.postgres import running_postgres

    with running_postgres() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database, one for each test."""
    from tests.support.postgres import fresh_database

    with fresh_database(postgres_server) as url:
        yield url
