"""The text of an example document by the simplest library for its format, and its passages."""

from __future__ import annotations

import re
from pathlib import Path

import docx
import pypdfium2
from python_calamine import CalamineWorkbook
from selectolax.lexbor import LexborHTMLParser

EXAMPLES = Path(__file__).parents[2] / "examples"
DOCUMENTS, SOURCES = EXAMPLES / "documents", EXAMPLES / "sources"
# A paragraph ends at an empty line; an item of a list, a row of a table and a heading each stand alone.
PASSAGE_END = re.compile(r"\n\s*\n|\n(?=\s*(?:[-|#]|\d+\.\s))")


def squeeze(text: str) -> str:
    """The text without white space: where a line breaks in a PDF says nothing."""
    return re.sub(r"\s+", "", text)


def document_text(path: Path) -> str:
    """What a reader sees in a document."""
    match path.suffix:
        case ".pdf":
            with pypdfium2.PdfDocument(path) as pdf:
                text = "\n".join(page.get_textpage().get_text_range() for page in pdf)
            return text.replace("\ufffe", "-")  # PDFium's mark for a hyphen at the end of a line
        case ".docx":
            document = docx.Document(str(path))
            cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
            return "\n".join([paragraph.text for paragraph in document.paragraphs] + cells)
        case ".xlsx":
            with CalamineWorkbook.from_path(path) as book:
                rows = [row for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python()]
                lines = [" ".join(cell_text(cell) for cell in row) for row in rows]
                return "\n".join([*book.sheet_names, *lines])
        case ".html":
            body = LexborHTMLParser(path.read_text(encoding="utf-8")).body
            assert body is not None
            return body.text(separator=" ")
        case _:
            return plain_text(path)


def cell_text(cell: object) -> str:
    """A cell as a spreadsheet shows it: whole numbers without a decimal point."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def plain_text(path: Path) -> str:
    """A text file in UTF-8 or, failing that, GB18030."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def source_of(document: str) -> Path:
    """The file that a person wrote: the document itself unless it was made from a source."""
    candidates = [SOURCES / f"{document}.md", SOURCES / document, DOCUMENTS / document]
    return next(path for path in candidates if path.exists())


def passages(document: str) -> list[str]:
    """Paragraphs, list items and table rows of a document."""
    text = plain_text(source_of(document))
    return text.splitlines() if document.endswith(".csv") else PASSAGE_END.split(text)


def answering_passages(document: str, answer: str) -> list[str]:
    """The passages that hold the answer's exact words."""
    return [passage for passage in passages(document) if squeeze(answer) in squeeze(passage)]
