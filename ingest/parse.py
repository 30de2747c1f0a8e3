"""From the bytes of a file to a ParsedDocument: find out what the file really is, and let that parser read it."""

from __future__ import annotations

import io
import logging
import re
import zipfile
from enum import StrEnum
from pathlib import PurePosixPath

from core.errors import DocumentRejected
from core.types import ParsedDocument
from ingest.parsers.base import Hint, Parser
from ingest.parsers.csv import CsvParser
from ingest.parsers.docx import DocxParser
from ingest.parsers.html import HtmlParser
from ingest.parsers.markdown import MarkdownParser
from ingest.parsers.pdf import PdfParser
from ingest.parsers.text import TextParser
from ingest.parsers.xlsx import XlsxParser

log = logging.getLogger(__name__)

SUPPORTED = "plain text, Markdown, HTML, PDF, Word (.docx), Excel (.xlsx) and CSV"


class Format(StrEnum):
    """The formats that can be read."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    PDF = "pdf"
    DOCX = "docx"
    XLSX = "xlsx"
    CSV = "csv"


_PARSERS: dict[Format, Parser] = {
    Format.TEXT: TextParser(),
    Format.MARKDOWN: MarkdownParser(),
    Format.HTML: HtmlParser(),
    Format.PDF: PdfParser(),
    Format.DOCX: DocxParser(),
    Format.XLSX: XlsxParser(),
    Format.CSV: CsvParser(),
}
_BINARY_NAMES = {Format.PDF: "a PDF", Format.DOCX: "a Word document", Format.XLSX: "an Excel workbook"}
_EXTENSIONS = {
    **dict.fromkeys((".txt", ".text", ".log"), Format.TEXT),
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd"), Format.MARKDOWN),
    **dict.fromkeys((".html", ".htm", ".xhtml", ".shtml"), Format.HTML),
    **dict.fromkeys((".csv", ".tsv"), Format.CSV),
    **dict.fromkeys((".docx", ".docm"), Format.DOCX),
    **dict.fromkeys((".xlsx", ".xlsm"), Format.XLSX),
    ".pdf": Format.PDF,
}
# text/plain is what senders say of any text, so the file's name may know better.
_CONTENT_TYPES = {
    **dict.fromkeys(("text/markdown", "text/x-markdown"), Format.MARKDOWN),
    **dict.fromkeys(("text/html", "application/xhtml+xml"), Format.HTML),
    **dict.fromkeys(("text/csv", "application/csv", "text/tab-separated-values"), Format.CSV),
    **dict.fromkeys(("application/pdf", "application/x-pdf"), Format.PDF),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": Format.DOCX,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": Format.XLSX,
}
_FOREIGN_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"RIFF", "a media file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\0", "a program"),
    (b"SQLite format 3\0", "a database"),
    (b"ID3", "a sound file"),
    (b"OggS", "a media file"),
    (b"\0\0\0\x18ftyp", "a video"),
    (b"\0\0\0\x20ftyp", "a video"),
    (b"{\\rtf", "an RTF document"),
)
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML_START = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html[\s>])", re.I | re.S
)
_PDF_HEADER_WITHIN = 1024


def parse(data: bytes, *, filename: str, content_type: str, max_chars: int) -> ParsedDocument:
    """Return the text and the structure of a file.

    What the bytes say of themselves decides, then content_type ("" if unknown), then the extension of filename.
    max_chars bounds the text, in code points. Raises DocumentRejected, and nothing else, whatever the bytes:
    `empty`, `unsupported-type`, `wrong-type`, `encrypted`, `corrupt`, `no-text`, `too-long`.
    """
    if not data.strip(b"\0\t\n\r "):
        raise DocumentRejected(
            "empty", "The file is empty; check that it was saved completely and upload it again."
        )
    file_format = detect_format(data, filename=filename, content_type=content_type)
    hint = Hint(filename, content_type, max_chars)
    try:
        document = _PARSERS[file_format].parse(data, hint)
    except DocumentRejected:
        raise
    except Exception as error:
        # The libraries below read hostile bytes and fail in ways that they do not document. One bad file must
        # not stop the others, so here, and only here, any failure becomes the document's.
        log.warning("The %s parser failed on %r", file_format, filename, exc_info=error)
        raise DocumentRejected(
            "corrupt",
            "The file is damaged and cannot be read; open it in its own program, save it again and upload that.",
        ) from error
    if not document.blocks:
        raise DocumentRejected("no-text", "The file holds no text; there is nothing in it to search.")
    return document


def detect_format(data: bytes, *, filename: str, content_type: str) -> Format:
    """Return the format of a file, or raise DocumentRejected saying which formats can be read."""
    extension = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    claimed = _CONTENT_TYPES.get(content_type.partition(";")[0].strip().lower())
    named = _EXTENSIONS.get(extension)
    # Readers accept a header that other bytes precede; a text that only mentions one is still a text.
    if data[:_PDF_HEADER_WITHIN].lstrip().startswith(b"%PDF-") or (
        Format.PDF in (claimed, named) and b"%PDF-" in data[:_PDF_HEADER_WITHIN]
    ):
        return Format.PDF
    if data.startswith(b"PK\x03\x04"):
        return _zip_format(data, extension)
    if data.startswith(_OLE_MAGIC):
        raise _ole_rejection(data)
    for magic, what in _FOREIGN_MAGIC:
        if data.startswith(magic):
            raise _foreign(what, extension, named)
    if _HTML_START.match(data[:4096]):
        return Format.HTML
    # What remains has no mark of its own: text, or a binary format whose beginning is missing.
    # Browsers call a CSV file an Excel one, so a name of a text format outweighs such a claim.
    expected = claimed if claimed and not (claimed in _BINARY_NAMES and named) else named
    if expected in _BINARY_NAMES:
        raise DocumentRejected(
            "wrong-type",
            f"The file is named or sent as {_BINARY_NAMES[expected]} but is not one, or its beginning is missing; "
            "save it again in that format and upload it.",
        )
    if extension in {".pptx", ".ppt", ".doc", ".xls", ".rtf", ".odt", ".ods", ".odp", ".epub", ".wps"}:
        raise _unsupported(f"{extension} files")
    return expected or Format.TEXT


def _zip_format(data: bytes, extension: str) -> Format:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
        if extension in {".docx", ".xlsx", ".docm", ".xlsm"}:
            raise DocumentRejected(
                "corrupt",
                "The file is damaged or incomplete; open it in Word or Excel, save it again and upload that.",
            ) from error
        raise _unsupported("Archives") from error
    if any(name.startswith("word/") for name in names):
        return Format.DOCX
    if "xl/workbook.xml" in names or any(name.startswith("xl/") and name.endswith(".xml") for name in names):
        return Format.XLSX
    if any(name.startswith("ppt/") for name in names):
        raise DocumentRejected(
            "unsupported-type", "PowerPoint files cannot be read yet; save the slides as PDF and upload that."
        )
    if "mimetype" in names:
        raise _unsupported("OpenDocument and EPUB files")
    raise DocumentRejected(
        "unsupported-type", f"Archives are not read; unpack it and upload the files inside. Supported: {SUPPORTED}."
    )


def _ole_rejection(data: bytes) -> DocumentRejected:
    """Old Office files and encrypted new ones share a container; the names of its streams tell them apart."""

    def holds(stream: str) -> bool:
        return stream.encode("utf-16-le") in data

    if holds("EncryptedPackage"):
        return DocumentRejected(
            "encrypted", "The file is protected by a password; save it without one and upload it again."
        )
    if holds("WordDocument"):
        old, new = "old Word (.doc)", ".docx"
    elif holds("Workbook") or holds("Book"):
        old, new = "old Excel (.xls)", ".xlsx"
    elif holds("PowerPoint Document"):
        old, new = "old PowerPoint (.ppt)", "PDF"
    else:
        return _unsupported("Files of this kind")
    return DocumentRejected(
        "unsupported-type", f"The file is in the {old} format; open it, save it as {new} and upload that."
    )


def _foreign(what: str, extension: str, named: Format | None) -> DocumentRejected:
    if named is not None:
        return DocumentRejected(
            "wrong-type", f"The file is named {extension} but holds {what}; upload the original document instead."
        )
    return _unsupported(f"{what[0].upper()}{what[1:]}")


def _unsupported(what: str) -> DocumentRejected:
    return DocumentRejected("unsupported-type", f"{what} cannot be read; save it as one of: {SUPPORTED}.")
