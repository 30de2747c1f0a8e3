"""PDF: text in reading order with page numbers, by pdfium; ruled tables row by row."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping

import pypdfium2 as pdfium
from pypdfium2 import raw

from core.errors import DocumentRejected
from core.types import ParsedDocument
from ingest.parsers.archive import corrupt
from ingest.parsers.base import DocumentBuilder, Hint
from ingest.parsers.pdf_blocks import BlockWriter, Page, heading_key, without_furniture
from ingest.parsers.pdf_layout import Item, lines_of, reading_order
from ingest.parsers.pdf_tables import find_tables
from ingest.parsers.pdf_text import displayed, read_chars, read_rules, reading_rotation, style_of, unmapped_share

MAX_PAGES = 5_000
MAX_PAGE_CHARS = 200_000
_MAX_OUTLINE_ENTRIES = 2_000
_UNREADABLE_SHARE = 0.6
_METADATA_CHARS = 300
# pdfium is not thread-safe: one call at a time in this process.
_PDFIUM = threading.Lock()


class PdfParser:
    """Parses PDF files that hold text."""

    def parse(self, data: bytes, hint: Hint) -> ParsedDocument:
        """See Parser."""
        with _PDFIUM:
            try:
                document = pdfium.PdfDocument(data)
            except pdfium.PdfiumError as error:
                raise _unopened(error) from error
            try:
                return _parse(document, hint)
            except pdfium.PdfiumError as error:
                raise corrupt("PDF") from error
            finally:
                document.close()


def _unopened(error: pdfium.PdfiumError) -> DocumentRejected:
    if error.err_code == raw.FPDF_ERR_PASSWORD:
        return DocumentRejected(
            "encrypted", "The PDF is protected by a password; save it without one and upload it again."
        )
    if error.err_code == raw.FPDF_ERR_SECURITY:
        return DocumentRejected(
            "encrypted", "The PDF is protected by a scheme that cannot be opened; save an unprotected copy."
        )
    return corrupt("PDF")


def _parse(document: pdfium.PdfDocument, hint: Hint) -> ParsedDocument:
    count = len(document)
    if count > MAX_PAGES:
        raise DocumentRejected(
            "too-long", f"The PDF has {count:,} pages, more than the {MAX_PAGES:,} accepted; split it into parts."
        )
    builder = DocumentBuilder(hint.max_chars)
    pages = without_furniture(list(_pages(document, builder, hint.max_chars)))
    writer = BlockWriter(builder, pages, _outline(document))
    for page in pages:
        writer.add_page(page.number, reading_order(page.items))
    if not len(builder):
        raise DocumentRejected(
            "no-text",
            "The PDF holds only images, no text; run it through text recognition (OCR) and upload the result.",
        )
    metadata = document.get_metadata_dict(skip_empty=True)
    known = {key.lower(): metadata[key][:_METADATA_CHARS] for key in ("Author", "Subject") if key in metadata}
    title = re.sub(r"[\x00-\x1f]", "", metadata.get("Title", ""))
    return builder.finish(hint, title=title, page_count=count, metadata=known)


def _pages(document: pdfium.PdfDocument, builder: DocumentBuilder, max_chars: int) -> Iterator[Page]:
    empty: list[int] = []
    chars_left = max_chars
    for number in range(1, len(document) + 1):
        try:
            page = document[number - 1]
        except pdfium.PdfiumError:
            builder.warnings.append(f"Page {number} is damaged and was left out.")
            continue
        try:
            read = _read_page(page, number, builder)
        finally:
            page.close()
        if not read.items:
            empty.append(number)
        # Stops a file of endless pages before all of them are held in memory.
        chars_left -= sum(len(item.text) for item in read.items if not hasattr(item, "rows"))
        if chars_left < 0:
            raise DocumentRejected(
                "too-long", f"The PDF holds more than {max_chars:,} characters of text; split it into parts."
            )
        yield read
    if empty and len(empty) < len(document):
        listed = ", ".join(map(str, empty[:20])) + (", …" if len(empty) > 20 else "")
        builder.warnings.append(f"Pages without text (images only, or blank) were left out: {listed}.")


def _read_page(page: pdfium.PdfPage, number: int, builder: DocumentBuilder) -> Page:
    text_page = page.get_textpage()
    try:
        rotation = reading_rotation(page, text_page)
        place = displayed(page, rotation)
        if text_page.count_chars() > MAX_PAGE_CHARS:
            raise DocumentRejected(
                "too-long", f"Page {number} of the PDF holds more than {MAX_PAGE_CHARS:,} characters; split it."
            )
        chars = read_chars(text_page, place)
        if unmapped_share(chars) > _UNREADABLE_SHARE:
            builder.warnings.append(f"The fonts of page {number} do not say which characters they show.")
            chars = []
        tables, rest = find_tables(read_rules(page, place) if chars else [], chars)
        lines = lines_of(rest, lambda index: style_of(text_page, index, rotation))
    finally:
        text_page.close()
    items: list[Item] = [*lines, *tables]
    left, bottom, right, top = page.get_bbox()
    return Page(number, right - left if rotation in (90, 270) else top - bottom, items)


def _outline(document: pdfium.PdfDocument) -> Mapping[str, int]:
    """The level of each heading that the file's bookmarks name."""
    levels: dict[str, int] = {}
    for number, bookmark in enumerate(document.get_toc(max_depth=6)):
        if number >= _MAX_OUTLINE_ENTRIES:
            break
        key = heading_key(bookmark.get_title())
        if key:
            levels.setdefault(key, bookmark.level + 1)
    return levels
