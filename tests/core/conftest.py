"""A migrated database of its own for each test, on each engine that we support."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.database import Database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database with today's schema."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ragstone.db'}"
    else:
        url = request.getfixturevalue("postgres_url").replace("postgresql://", "postgresql+psycopg://")
    made = Database(url)
    made.migrate()
    yield made
    made.close()
