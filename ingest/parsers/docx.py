"""Word documents: paragraphs, headings, lists and tables in the order in which they stand.

python-docx opens the package and knows its styles; the text is read from the XML itself, because its own
`text` leaves out content controls, tracked insertions, text boxes and formulas.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import docx
from docx.document import Document
from docx.opc.exceptions import OpcError
from docx.oxml.ns import nsmap, qn
from lxml import etree

from core.errors import DocumentRejected
from core.types import BlockKind, ParsedDocument
from ingest.parsers.archive import corrupt, open_archive
from ingest.parsers.base import DocumentBuilder, Hint
from ingest.parsers.tables import is_header

_KIND = "Word document"
_HEADING_STYLE = re.compile(r"(?:heading|标题|titre|überschrift)\s*([1-9])", re.I)
# Word's own table of contents repeats every heading and answers nothing.
_CONTENTS_STYLE = re.compile(r"toc (?:\d|heading)", re.I)
_TITLE_STYLE = re.compile(r"title|标题", re.I)
_P, _TBL, _TR, _TC, _SDT = (qn(f"w:{tag}") for tag in ("p", "tbl", "tr", "tc", "sdt"))
_T, _TAB, _BR, _CR, _HYPHEN = (qn(f"w:{tag}") for tag in ("t", "tab", "br", "cr", "noBreakHyphen"))
_VAL = qn("w:val")
_MATH_T = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TEXT_BOX = qn("w:txbxContent")
# Not part of the text as it reads: deleted or moved away.
_GONE = {qn("w:del"), qn("w:moveFrom"), _FALLBACK, qn("w:pPr"), qn("w:rPr")}
_CONTAINERS = {_SDT, qn("w:sdtContent"), qn("w:ins"), qn("w:moveTo"), qn("w:customXml"), qn("w:smartTag")}
_W = {"w": nsmap["w"]}


class DocxParser:
    """Parses .docx and .docm documents."""

    def parse(self, data: bytes, hint: Hint) -> ParsedDocument:
        """See Parser."""
        open_archive(data, _KIND).close()
        try:
            document = docx.Document(io.BytesIO(data))
            builder = DocumentBuilder(hint.max_chars)
            _Body(builder, document).add()
            title = document.core_properties.title
        except DocumentRejected:
            raise
        except (OpcError, etree.LxmlError, KeyError, ValueError, AttributeError, TypeError) as error:
            # python-docx reports a missing or malformed part by whichever of these it runs into.
            raise corrupt(_KIND) from error
        return builder.finish(hint, title=title or "")


class _Body:
    def __init__(self, builder: DocumentBuilder, document: Document) -> None:
        self._builder = builder
        self._body = document.element.body
        self._levels: dict[str, int] = {}
        self._list_styles: set[str] = set()
        self._contents_styles: set[str] = set()
        self._read_styles(document)

    def _read_styles(self, document: Document) -> None:
        """Note what each paragraph style is, following the styles that it is based on."""
        elements = {
            element.get(qn("w:styleId"), ""): element
            for element in document.styles.element.iterchildren(qn("w:style"))
        }
        for style_id, style in elements.items():
            if _CONTENTS_STYLE.fullmatch(_style_name(style)):
                self._contents_styles.add(style_id)
            current, seen = style_id, set[str]()
            while current in elements and current not in seen:
                seen.add(current)
                element = elements[current]
                level = _style_level(element)
                if level and style_id not in self._levels:
                    self._levels[style_id] = level
                if element.find("w:pPr/w:numPr", _W) is not None:
                    self._list_styles.add(style_id)
                base = element.find("w:basedOn", _W)
                current = base.get(_VAL, "") if base is not None else ""

    def add(self) -> None:
        for element in _blocks(self._body):
            if element.tag == _P:
                self._add_paragraph(element)
            else:
                self._add_table(element)

    def _add_paragraph(self, paragraph: etree._Element) -> None:
        if _style_of(paragraph) in self._contents_styles:
            return
        text = _text(paragraph)
        level = self._heading_level(paragraph)
        if level:
            self._builder.heading(text, level)
        elif self._is_list_item(paragraph):
            self._builder.add(BlockKind.LIST_ITEM, f"- {text.strip()}" if text.strip() else "")
        else:
            self._builder.add(BlockKind.PARAGRAPH, text)
        for box in paragraph.iter(_TEXT_BOX):
            if not any(ancestor.tag == _FALLBACK for ancestor in box.iterancestors()):
                for inner in box.iterchildren(_P):
                    self._builder.add(BlockKind.PARAGRAPH, _text(inner))

    def _heading_level(self, paragraph: etree._Element) -> int:
        """1 to 6, 0 for a paragraph that is no heading. Word counts outline levels from 0; 9 is body text."""
        outline = paragraph.find("w:pPr/w:outlineLvl", _W)
        if outline is not None and outline.get(_VAL, "").isdecimal():
            level = int(outline.get(_VAL, "9"))
            return level + 1 if level < 6 else 0
        return self._levels.get(_style_of(paragraph), 0)

    def _is_list_item(self, paragraph: etree._Element) -> bool:
        numbering = paragraph.find("w:pPr/w:numPr/w:numId", _W)
        if numbering is not None:
            return bool(numbering.get(_VAL) != "0")
        return _style_of(paragraph) in self._list_styles

    def _add_table(self, table: etree._Element) -> None:
        rows = [_cells(row) for row in _inside(table, _TR)]
        if max(map(len, rows), default=0) == 1:
            # A frame around text, not data.
            for cell in (cell for row in _inside(table, _TR) for cell in _inside(row, _TC)):
                for element in _blocks(cell):
                    self._builder.add(BlockKind.PARAGRAPH, " ".join(_paragraph_texts(element)))
            return
        first = next(_inside(table, _TR), None)
        marked = first is not None and first.find("w:trPr/w:tblHeader", _W) is not None
        self._builder.table(rows, has_header=len(rows) > 1 and (marked or is_header(rows[0])))


def _style_name(style: etree._Element) -> str:
    name = style.find("w:name", _W)
    return name.get(_VAL, "") if name is not None else ""


def _style_level(style: etree._Element) -> int:
    name = _style_name(style)
    if match := _HEADING_STYLE.fullmatch(name):
        return min(int(match.group(1)), 6)
    if _TITLE_STYLE.fullmatch(name):
        return 1
    outline = style.find("w:pPr/w:outlineLvl", _W)
    value = outline.get(_VAL, "9") if outline is not None else "9"
    return int(value) + 1 if value.isdecimal() and int(value) < 6 else 0


def _style_of(paragraph: etree._Element) -> str:
    style = paragraph.find("w:pPr/w:pStyle", _W)
    return style.get(_VAL, "") if style is not None else ""


def _blocks(parent: etree._Element) -> Iterator[etree._Element]:
    """Paragraphs and tables directly inside, also through content controls and tracked insertions."""
    for child in parent.iterchildren():
        if child.tag in {_P, _TBL}:
            yield child
        elif child.tag in _CONTAINERS:
            yield from _blocks(child)


def _inside(parent: etree._Element, tag: str) -> Iterator[etree._Element]:
    for child in parent.iterchildren():
        if child.tag == tag:
            yield child
        elif child.tag in _CONTAINERS:
            yield from _inside(child, tag)


def _text(paragraph: etree._Element) -> str:
    """A paragraph's text; line breaks stay, text boxes are left to the caller."""
    parts: list[str] = []
    stack = [paragraph]
    while stack:
        element = stack.pop()
        if element.tag in (_T, _MATH_T):
            parts.append(element.text or "")
        elif element.tag == _TAB:
            parts.append(" ")
        elif element.tag in (_BR, _CR):
            parts.append("\n")
        elif element.tag == _HYPHEN:
            parts.append("-")
        elif element.tag not in _GONE and element.tag != _TEXT_BOX:
            stack.extend(reversed(element))
    return "".join(parts)


def _paragraph_texts(element: etree._Element) -> Iterator[str]:
    paragraphs = [element] if element.tag == _P else element.iter(_P)
    yield from filter(None, (_text(paragraph).strip() for paragraph in paragraphs))


def _cells(row: etree._Element) -> list[str]:
    """A row's cells: one that spans columns fills the first, one merged with the row above is empty."""
    texts: list[str] = []
    for cell in _inside(row, _TC):
        merged = cell.find("w:tcPr/w:vMerge", _W)
        continues = merged is not None and merged.get(_VAL, "continue") == "continue"
        texts.append("" if continues else " ".join(_paragraph_texts(cell)))
        span = cell.find("w:tcPr/w:gridSpan", _W)
        width = span.get(_VAL, "1") if span is not None else "1"
        texts += [""] * (min(int(width), 100) - 1 if width.isdecimal() and width != "0" else 0)
    return texts
