"""One running service for the tests of a module, on each database that we support."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.service import RunningService, running_service


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service on SQLite, and again on PostgreSQL."""
    folder: Path = tmp_path_factory.mktemp("service")
    if request.param == "sqlite":
        with running_service(folder) as running:
            yield running
        return
    from tests.support.postgres import fresh_database

    with (
        fresh_database(request.getfixturevalue("postgres_server")) as url,
        running_service(folder, database_url=url) as running,
    ):
        yield running
