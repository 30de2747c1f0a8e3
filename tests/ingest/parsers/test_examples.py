"""Every document of the examples reads as its author wrote it: all words, in order, with headings and rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.types import BlockKind
from tests.examples.texts import DOCUMENTS, SOURCES, passages, plain_text, source_of, squeeze
from tests.support.parsing import assert_ranges_hold, outline, read_file, rows

FILES = sorted(path for path in DOCUMENTS.rglob("*.*") if path.is_file())
# Written as Markdown: the source tells the headings and the tables, too.
MADE = sorted(path for path in SOURCES.rglob("*.md"))
MARKS = re.compile(r"^columns: \d|^\s*(?:#+|-|\d+\.)\s|[*`]|^:?-{3,}:?$")


def name_of(path: Path) -> str:
    """The name of a document, or of the document that is made from a source."""
    if DOCUMENTS in path.parents:
        return path.relative_to(DOCUMENTS).as_posix()
    return path.relative_to(SOURCES).as_posix().removesuffix(".md")


@pytest.mark.parametrize("path", MADE, ids=name_of)
def test_all_words_are_read_in_the_order_in_which_they_were_written(path: Path) -> None:
    name = name_of(path)
    text = squeeze(read_file(DOCUMENTS / name).text)
    position = 0
    for passage in passages(name):
        for cell in re.split(r"\s*\|\s*|\n", passage):
            words = squeeze(MARKS.sub("", cell))
            found = text.find(words, position)
            assert found >= 0, f"{words!r} is {'out of order' if words in text else 'missing'}"
            position = found + len(words)


@pytest.mark.parametrize("path", MADE, ids=name_of)
def test_headings_and_table_rows_are_what_the_author_made_them(path: Path) -> None:
    document = read_file(DOCUMENTS / name_of(path))
    lines = plain_text(path).splitlines()
    written = [squeeze(re.sub(r"[*`]", "", line.lstrip("#"))) for line in lines if line.startswith("#")]
    assert [squeeze(heading) for _, heading in outline(document)] == written
    table = [re.sub(r"[*`]", "", line) for line in lines if line.startswith("|")]
    expected = [squeeze(row).strip("|") for row in table if not re.fullmatch(r"\|[\s:|-]+", row)]
    assert [squeeze(row).strip("|") for row in rows(document)] == expected
    headers = [block for block in document.blocks if block.kind is BlockKind.TABLE_HEADER]
    assert len(headers) == sum(bool(re.fullmatch(r"\|[\s:|-]+", row)) for row in table)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_ranges_language_and_title_of_every_document_hold(path: Path) -> None:
    document = read_file(path)
    assert_ranges_hold(document)
    source = plain_text(source_of(name_of(path)))
    han, words = len(re.findall(r"[\u4e00-\u9fff]", source)), len(re.findall(r"[A-Za-z]+", source))
    if han > 2 * words or words > 2 * han:  # mixed in equal parts, either is right
        assert document.language == ("zh" if han > words else "en")
    assert document.title
    assert document.warnings == ()
