"""Upkeep beside a real service, and a collection of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from indexes.upkeep.service import Upkeep
from tests.support.service import RunningService
from tests.support.upkeep import Tended, upkeep_of


@pytest.fixture(scope="module")
def upkeep(service: RunningService) -> Iterator[Upkeep]:
    """Upkeep on the data of the module's service."""
    with upkeep_of(service) as opened:
        yield opened


@pytest.fixture
def tended(request: pytest.FixtureRequest, service: RunningService, upkeep: Upkeep) -> Tended:
    """A collection of the test's own."""
    name = request.node.name.split("[")[0].removeprefix("test_").replace("_", "-")[:40]
    return Tended.made(service, upkeep, name)
