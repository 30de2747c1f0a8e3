from collections.abc import Iterator

import pytest

from indexes.embedders.e5 import E5Embedder


@pytest.fixture(scope="session")
def e5(tmp_path_factory: pytest.TempPathFactory) -> Iterator[E5Embedder]:
    """The embedded default on real weights, opened once for all tests."""
    embedder = E5Embedder(tmp_path_factory.mktemp("models"))
    yield embedder
    embedder.close()
