"""Rows kept as columns: an object is made for a row when somebody looks at it, for most are never looked at."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TypeVar, overload

_Row = TypeVar("_Row")


class Columnar(Sequence[_Row]):
    """A sequence over columns of one length."""

    @abstractmethod
    def made(self, span: slice) -> list[_Row]:
        """Return the rows of a span."""

    @overload
    def __getitem__(self, place: int) -> _Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[_Row]: ...

    def __getitem__(self, place: int | slice) -> _Row | list[_Row]:
        if isinstance(place, slice):
            return self.made(place)
        at = range(len(self))[place]
        return self.made(slice(at, at + 1))[0]

    def __iter__(self) -> Iterator[_Row]:
        return iter(self.made(slice(None)))
