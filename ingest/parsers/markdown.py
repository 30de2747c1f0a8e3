"""Markdown: the prose without its marks, with headings, lists, tables, code and front matter kept apart."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from core.types import BlockKind, JsonScalar, ParsedDocument
from ingest.parsers.base import DocumentBuilder, Hint, join_lines, one_line
from ingest.parsers.encoding import decode
from ingest.parsers.html import add_fragment

_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_FRONT_MATTER_CHARS = 20_000
_FIELD = re.compile(r"^([A-Za-z][\w-]{0,40}):[ \t]*(\S.*)$", re.M)
_BREAK_TAG = re.compile(r"<br\s*/?>", re.I)
_MATH = re.compile(r"\$\$.+?\$\$|(?<![\\$\w])\$[^\s$](?:[^$\n]{0,200}?[^\s$\\])?\$(?![\w$])", re.S)
# Private-use characters stand in for formulas, whose backslashes and underscores are no Markdown.
_PLACEHOLDER = re.compile("\ue000([\ue100-\uf8ff]+)\ue001")
_DIGITS = 1000


class MarkdownParser:
    """Parses CommonMark with tables."""

    def __init__(self) -> None:
        self._markdown = MarkdownIt("commonmark", {"maxNesting": 50}).enable(["table", "strikethrough"])

    def parse(self, data: bytes, hint: Hint) -> ParsedDocument:
        """See Parser."""
        text = decode(data).replace("\r\n", "\n").replace("\r", "\n")
        metadata: dict[str, JsonScalar] = {}
        front = _FRONT_MATTER.match(text[:_FRONT_MATTER_CHARS])
        if front:
            metadata = {key.lower(): value.strip().strip("\"'") for key, value in _FIELD.findall(front.group(1))}
            text = text[front.end() :]
        title = str(metadata.pop("title", ""))
        builder = DocumentBuilder(hint.max_chars)
        text, formulas = _set_formulas_aside(text)
        _Blocks(builder, formulas).add(self._markdown.parse(text))
        return builder.finish(hint, title=title, metadata=metadata)


def _set_formulas_aside(text: str) -> tuple[str, list[str]]:
    formulas: list[str] = []

    def placeholder(match: re.Match[str]) -> str:
        number, code = len(formulas), ""
        formulas.append(match.group())
        while number or not code:
            number, digit = divmod(number, _DIGITS)
            code += chr(0xE100 + digit)
        return f"\ue000{code}\ue001"

    # What a file holds of the stand-ins' own characters has no meaning there and would be taken for one.
    return _MATH.sub(placeholder, re.sub("[\ue000\ue001]", "", text)), formulas


class _Blocks:
    """Walks the token stream once and appends its blocks."""

    def __init__(self, builder: DocumentBuilder, formulas: list[str]) -> None:
        self._builder = builder
        self._formulas = formulas
        self._markers: list[str] = []
        self._item_is_open = False

    def add(self, tokens: Sequence[Token]) -> None:
        position = 0
        while position < len(tokens):
            token = tokens[position]
            if token.type == "heading_open":
                self._builder.heading(self._inline(tokens[position + 1]), int(token.tag[1]))
                position += 2
            elif token.type == "table_open":
                end = next(i for i in range(position, len(tokens)) if tokens[i].type == "table_close")
                self._add_table(tokens[position:end])
                position = end
            else:
                self._add_one(token)
            position += 1

    def _add_one(self, token: Token) -> None:
        match token.type:
            case "list_item_open":
                self._markers.append(f"{token.info}. " if token.info else "- ")
                self._item_is_open = True
            case "list_item_close":
                self._markers.pop()
                self._item_is_open = False
            case "inline":
                self._add_paragraph(self._inline(token))
            case "fence" | "code_block":
                self._builder.add(BlockKind.CODE, self._restore(token.content))
            case "html_block":
                add_fragment(self._builder, self._restore(token.content))

    def _add_paragraph(self, text: str) -> None:
        if not self._markers:
            self._builder.add(BlockKind.PARAGRAPH, text)
        elif text.strip():
            # Only the first paragraph of an item carries its marker.
            marker = self._markers[-1] if self._item_is_open else ""
            self._item_is_open = False
            self._builder.add(BlockKind.LIST_ITEM, marker + text)

    def _add_table(self, tokens: Sequence[Token]) -> None:
        rows: list[list[str]] = []
        for token in tokens:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline" and rows:
                rows[-1].append(self._inline(token))
        self._builder.table(rows, has_header=True)

    def _inline(self, token: Token) -> str:
        lines: list[list[str]] = [[""]]
        for child in token.children or ():
            match child.type:
                case "text" | "code_inline":
                    lines[-1][-1] += child.content
                case "softbreak":
                    lines[-1].append("")
                case "hardbreak":
                    lines.append([""])
                case "image":
                    lines[-1][-1] += one_line(child.content)
                case "html_inline" if _BREAK_TAG.fullmatch(child.content):
                    lines.append([""])
        return self._restore("\n".join(join_lines(line) for line in lines))

    def _restore(self, text: str) -> str:
        def formula(match: re.Match[str]) -> str:
            number = sum((ord(char) - 0xE100) * _DIGITS**power for power, char in enumerate(match.group(1)))
            return self._formulas[number] if number < len(self._formulas) else ""

        return _PLACEHOLDER.sub(formula, text)
