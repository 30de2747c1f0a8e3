"""The connection to Milvus, and what its errors mean for whoever asked."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from core.errors import MissingExtra, Unavailable
from core.settings import Settings

if TYPE_CHECKING:
    from pymilvus import MilvusClient

INSTALL = "make run EXTRAS=milvus"
Fields = dict[str, Any]
"""A row as Milvus takes and gives it."""

_TIMEOUT_S = 60.0
_AT_ONCE = 500


class Milvus:
    """A client for one server, or for a file in this process alone; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        """Raises MissingExtra without the package, Unavailable where nothing answers."""
        if importlib.util.find_spec("pymilvus") is None:
            raise MissingExtra(f"RAGSTONE_INDEX=milvus needs pymilvus: run `{INSTALL}`.")
        from pymilvus import MilvusClient  # noqa: PLC0415 - an optional part, and slow to import

        self.uri = settings.milvus_uri
        self.is_file = "://" not in self.uri
        self._prefix = settings.milvus_prefix
        with self.reaching():
            self.client: MilvusClient = MilvusClient(
                self.uri, token=settings.milvus_token.get_secret_value(), timeout=_TIMEOUT_S
            )
            self.is_lite = "lite" in str(self.client.get_server_version()).lower()

    def name(self, generation_id: int, part: str) -> str:
        """Return the name of a collection of a generation."""
        return f"{self._prefix}_{generation_id}_{part}"

    def generations(self) -> list[int]:
        """Return the ids of the generations of which anything is there."""
        with self.reaching():
            names = self.client.list_collections()
        parts = [name.removeprefix(f"{self._prefix}_").split("_") for name in names]
        return sorted({int(each[0]) for each in parts if len(each) == 2 and each[0].isdigit()})

    def exists(self, name: str) -> bool:
        """Whether there is a collection of this name."""
        with self.reaching():
            return bool(self.client.has_collection(name))

    def rows(self, name: str, ids: list[int], fields: list[str]) -> list[Fields]:
        """Return the rows of these ids that are there, in no particular order."""
        found: list[Fields] = []
        for start in range(0, len(ids), _AT_ONCE):
            with self.reaching():
                found += self.client.get(name, ids=ids[start : start + _AT_ONCE], output_fields=fields)
        return found

    def every_row(self, name: str, fields: list[str]) -> Iterator[list[Fields]]:
        """Yield all rows of a collection, some at a time."""
        with self.reaching():
            rows = self.client.query_iterator(name, batch_size=_AT_ONCE, output_fields=fields)
            try:
                while batch := rows.next():
                    yield list(batch)
            finally:
                rows.close()

    def upsert(self, name: str, rows: list[Fields]) -> None:
        """Write rows; one whose id is there replaces it."""
        for start in range(0, len(rows), _AT_ONCE):
            with self.reaching():
                self.client.upsert(name, rows[start : start + _AT_ONCE])

    def delete(self, name: str, ids: list[int]) -> None:
        """Remove rows; ids that are not there are ignored."""
        for start in range(0, len(ids), _AT_ONCE):
            with self.reaching():
                self.client.delete(name, ids=ids[start : start + _AT_ONCE])

    def search(self, name: str, field: str, query: Any, limit: int, wanted: str) -> list[tuple[int, float]]:
        """Return ids with their inner products, best first; wanted: an expression, empty for all."""
        with self.reaching():
            found = self.client.search(
                name, [query], anns_field=field, limit=limit, filter=wanted, search_params={"metric_type": "IP"}
            )
        return [(int(hit["chunk_id"]), float(hit["distance"])) for hit in found[0]]

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Raise Unavailable for what Milvus refuses, or where it does not answer."""
        from pymilvus.exceptions import MilvusException  # noqa: PLC0415 - as above

        try:
            yield
        except MilvusException as error:
            hint = (
                " A file serves one process: run `milvus-lite server` for several."
                if self.is_file and "lock" in str(error.message).lower()
                else ""
            )
            raise Unavailable(f"Milvus at {self.uri} says: {error.message}{hint}") from error

    def close(self) -> None:
        """Let the connection go; idempotent."""
        self.client.close()
