"""One running service for all commands."""

from collections.abc import Iterator

import pytest

from tests.app.cli.commands import Commands
from tests.support.service import running_service


@pytest.fixture(scope="package")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """The command line on a service with SQLite: the database makes no difference to it."""
    with running_service(tmp_path_factory.mktemp("cli")) as service:
        yield Commands(service)
