"""Proof that deleted text is in no file of ours: every file of the data folder is searched for it, byte by byte."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import LargeBinary, String, cast, func, or_, select
from sqlalchemy.sql.sqltypes import JSON, Text

from core.database import Database
from core.errors import InvalidInput
from core.models import Base, Document, Revision
from core.settings import Settings
from indexes.upkeep.needles import Haystack, escaped, every_spelling, spellings, windows

_MOST_PLACES = 100
_TEXTS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was found: a file below the data folder with an offset, or a table with a column."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Proof:
    """files and size_bytes: what was searched. shared: texts that were found and that documents hold which live."""

    texts: int
    files: int
    size_bytes: int
    places: Sequence[Place]
    shared: int

    @property
    def clean(self) -> bool:
        """Whether nothing was found that is not a living document's too."""
        return not self.places

    def as_json(self) -> dict[str, Any]:
        """Return the proof as plain data."""
        return asdict(self) | {"clean": self.clean}

    def lines(self) -> list[str]:
        """Return the proof as lines for people."""
        also = f", {self.shared} of them also in documents that live" if self.shared else ""
        said = "found" if self.places else "not found"
        searched = f"{self.files:,} files ({self.size_bytes / 2**20:,.1f} MB)"
        head = f"{said}: {self.texts:,} pieces of text{also}, looked for in {searched}"
        return [head, *(f"  {place.where}: {place.text}" for place in self.places)]


def prove(settings: Settings, database: Database, texts: Sequence[str], files: Sequence[Path]) -> Proof:
    """Search for texts and for pieces of files; raises InvalidInput for what cannot be looked for.

    A file that is compressed (PDF, DOCX, XLSX) is looked for by its checksum, which names its original, and by
    pieces of its bytes.
    """
    for text in texts:
        if not _is_unicode(text):
            raise InvalidInput(f"{text!r} is no valid text: the terminal's encoding has to be UTF-8.")
        if not spellings(text):
            raise InvalidInput(f"{text!r} is too short to be looked for: everything holds it.")
    pieces = list(texts)
    places: list[Place] = []
    for file in files:
        data = _read(file)
        pieces += windows(data)
        places += _original(settings, data)
    haystack = Haystack(every_spelling(pieces))
    searched = [path for path in sorted(settings.data_dir.rglob("*")) if path.is_file()]
    size = 0
    for path in searched:
        try:
            size += path.stat().st_size
            here = path.relative_to(settings.data_dir)
            places += [Place(f"{here}, byte {offset:,}", n.text) for offset, n in haystack.found_in(path)]
        except FileNotFoundError:
            continue  # removed meanwhile
    if not database.is_sqlite:
        places += _in_tables(database, pieces)
    shared = _of_living(database, {place.text for place in places})
    alone = [place for place in places if place.text not in shared]
    return Proof(len(pieces), len(searched), size, alone[:_MOST_PLACES], len(shared))


def _is_unicode(text: str) -> bool:
    """Tell whether a text has no lone surrogates, which stand for bytes of an argument that were not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from error


def _original(settings: Settings, data: bytes) -> list[Place]:
    sha256 = hashlib.sha256(data).hexdigest()
    path = settings.blob_dir / sha256[:2] / sha256
    return [Place(str(path.relative_to(settings.data_dir)), "the original file")] if path.exists() else []


def _in_tables(database: Database, texts: Sequence[str]) -> list[Place]:
    """Look for texts in every column of the database, as a query sees it: its files are not ours to read."""
    places = []
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, LargeBinary) or not isinstance(column.type, String | Text | JSON):
                continue
            shown = cast(column, Text)
            for start in range(0, len(texts), _TEXTS_AT_ONCE):
                some = texts[start : start + _TEXTS_AT_ONCE]
                ways = {way: text for text in some for way in (text, escaped(text))}
                holds = or_(*(func.strpos(shown, way) > 0 for way in ways))
                with database.read() as session:
                    rows = session.scalars(select(shown).select_from(table).where(holds).limit(_MOST_PLACES)).all()
                found = {text for row in rows for way, text in ways.items() if way in row}
                places += [Place(f"table {table.name}, {column.name}", text) for text in sorted(found)]
    return places


def _of_living(database: Database, texts: set[str]) -> set[str]:
    """Return those of texts that a living document holds."""
    place = func.instr if database.is_sqlite else func.strpos
    found = set()
    for text in texts:
        living = select(Revision.id).join(Document, Document.live_revision_id == Revision.id)
        holds = or_(place(Revision.text, text) > 0, place(Revision.title, text) > 0)
        with database.read() as session:
            if session.scalars(living.where(holds).limit(1)).first() is not None:
                found.add(text)
    return found
