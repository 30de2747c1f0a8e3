"""BM25's statistics of a generation, kept beside its passages.

Milvus counts within its own segments, deleted rows among them, and tells nobody: scores would depend on how rows
fell into segments. Ours are of the living rows alone. The writer marks them as unsure before it changes rows, and
as sure after it has changed them too; a writer that finds them unsure counts anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from indexes.milvus.connection import Fields, Milvus

LANGUAGES = ("", "en", "zh")
_STATE = 2**32  # beyond all terms
_REFERENCE = _STATE + 1
_OF_LANGUAGE = {language: _STATE + 2 + place for place, language in enumerate(LANGUAGES)}
_FIELDS = ["term", "documents", "tokens", "note"]
_PER_MILLE = 1000


@dataclass(frozen=True, slots=True)
class Statistics:
    """version: commits so far; sure: no writer died on the way.

    documents and tokens by language; df of the terms that were asked for. reference_length: what the passages'
    weights were computed with.
    """

    version: int = 0
    sure: bool = True
    analyser: str = ""
    reference_length: float = 1.0
    documents_in: Mapping[str, int] = field(default_factory=dict)
    tokens_in: Mapping[str, int] = field(default_factory=dict)
    df: Mapping[int, int] = field(default_factory=dict)

    @property
    def documents(self) -> int:
        """Living passages."""
        return sum(self.documents_in.values())

    @property
    def mean_length(self) -> float:
        """Mean of their lengths in terms, 1 where none holds any."""
        tokens = sum(self.tokens_in.values())
        return tokens / self.documents if tokens else 1.0


@dataclass(slots=True)
class Changes:
    """What a commit adds to the statistics, and takes from them."""

    documents: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    df: Counter[int] = field(default_factory=Counter)

    def add(self, language: str, counts: Mapping[int, int], times: int = 1) -> None:
        """Count a passage in, or out where times is -1."""
        self.documents[language] += times
        self.tokens[language] += times * sum(counts.values())
        for term in counts:
            self.df[term] += times


def read(milvus: Milvus, name: str, terms: Iterable[int] = ()) -> Statistics:
    """Read the statistics, and of the terms how many passages hold each."""
    ids = [_STATE, _REFERENCE, *_OF_LANGUAGE.values(), *terms]
    rows = {row["term"]: row for row in milvus.rows(name, ids, _FIELDS)}
    if _STATE not in rows:
        return Statistics()
    languages = {language: rows[id_] for language, id_ in _OF_LANGUAGE.items() if id_ in rows}
    return Statistics(
        version=int(rows[_STATE]["documents"]),
        sure=not rows[_STATE]["tokens"],
        analyser=rows[_STATE]["note"],
        reference_length=rows[_REFERENCE]["documents"] / _PER_MILLE,
        documents_in={language: int(row["documents"]) for language, row in languages.items()},
        tokens_in={language: int(row["tokens"]) for language, row in languages.items()},
        df={term: int(row["documents"]) for term, row in rows.items() if term < _STATE},
    )


def begin(milvus: Milvus, name: str, analyser: str, reference_length: float) -> None:
    """Write the statistics of nothing."""
    milvus.upsert(
        name,
        [_state(0, analyser, sure=True), _row(_REFERENCE, documents=round(reference_length * _PER_MILLE))],
    )


def doubt(milvus: Milvus, name: str, known: Statistics) -> None:
    """Mark the statistics as unsure: rows are about to change."""
    milvus.upsert(name, [_state(known.version, known.analyser, sure=False)])


def apply(milvus: Milvus, name: str, known: Statistics, changes: Changes) -> None:
    """Write what has changed, and mark the statistics as sure; known: with the df of the changed terms."""
    df = {term: known.df.get(term, 0) + change for term, change in changes.df.items() if change}
    rows = [_row(term, documents=count) for term, count in df.items() if count > 0]
    for language in changes.documents:
        documents = known.documents_in.get(language, 0) + changes.documents[language]
        tokens = known.tokens_in.get(language, 0) + changes.tokens[language]
        rows.append(_row(_OF_LANGUAGE[language], documents, tokens))
    milvus.upsert(name, rows)
    milvus.delete(name, [term for term, count in df.items() if count <= 0])
    milvus.upsert(name, [_state(known.version + 1, known.analyser, sure=True)])


def replace_all(milvus: Milvus, name: str, known: Statistics, counted: Changes) -> None:
    """Write statistics that were counted anew, and remove what they no longer hold; they stay unsure until then."""
    stale = [row["term"] for rows in milvus.every_row(name, ["term"]) for row in rows]
    milvus.upsert(name, [_row(term, documents=count) for term, count in counted.df.items()])
    languages = [_row(id_, counted.documents[lang], counted.tokens[lang]) for lang, id_ in _OF_LANGUAGE.items()]
    milvus.upsert(name, languages)
    milvus.delete(name, [term for term in stale if term < _STATE and term not in counted.df])
    milvus.upsert(name, [_state(known.version + 1, known.analyser, sure=True)])


def _state(version: int, analyser: str, *, sure: bool) -> Fields:
    return _row(_STATE, documents=version, tokens=0 if sure else 1, note=analyser)


def _row(term: int, documents: int = 0, tokens: int = 0, note: str = "") -> Fields:
    # Milvus keeps no collection without a vector.
    return {"term": term, "documents": documents, "tokens": tokens, "note": note, "anchor": [1.0, 0.0]}
