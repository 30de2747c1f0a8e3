"""HTML: the page's own content with its headings, lists and tables, without menus, scripts and styles."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from core.errors import DocumentRejected
from core.types import BlockKind, ParsedDocument
from ingest.parsers.base import DocumentBuilder, Hint, one_line
from ingest.parsers.encoding import decode
from ingest.parsers.tables import is_header

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{2,40})", re.I)
_HEADER_CHARSET = re.compile(r"charset\s*=\s*([^\s;]+)", re.I)
_NEVER_TEXT = [
    *("script", "style", "noscript", "template", "svg", "iframe", "object", "embed", "canvas", "audio", "video"),
    *("head", "select", "button", "dialog", "textarea", "datalist", "map"),
]
_BOILERPLATE = (
    "nav, footer, aside, [role=navigation], [role=contentinfo], [role=search], [role=complementary], "
    + ("[role=menu], [role=menubar], [hidden], [aria-hidden=true], sup.reference")
)
_BOILERPLATE_CLASS = re.compile(
    r"(?:nav|navbar|navbox|navigation|menu|sidebar|breadcrumbs?|footer|cookie\S*|advert\S*|social|share|pagination"
    r"|catlinks|noprint|mw-editsection|mw-jump-link|vector-toc|toc|skip-?link|skip-to-\S+|sr-only|visually-hidden)",
    re.I,
)
_CONTENT = ("main", "[role=main]", "article", "#content", "#main", ".markdown-body", ".article-content")
# A candidate for the main content must hold this share of the page's text, and what is thrown away less.
_CONTENT_SHARE = 0.3
# A list of at least so many bare links, each at most so long, is a menu if enough other text remains.
_MENU_LINKS = 12
_MENU_LINK_CHARS = 40
_BLOCK_TAGS = frozenset(
    [
        *("address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dir", "div", "dl", "dt"),
        *("fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "html", "legend", "li"),
        *("main", "menu", "nav", "ol", "p", "section", "summary", "td", "th", "tr", "ul"),
    ]
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_MAX_NODES = 2_000_000


class HtmlParser:
    """Parses HTML pages."""

    def parse(self, data: bytes, hint: Hint) -> ParsedDocument:
        """See Parser."""
        declared = _HEADER_CHARSET.search(hint.content_type)
        meta = _META_CHARSET.search(data[:4096])
        charset = declared.group(1) if declared else meta.group(1).decode("ascii") if meta else ""
        tree = LexborHTMLParser(decode(data, declared=charset).replace("\0", ""))
        title_node = tree.css_first("head > title")
        title = one_line(title_node.text()) if title_node else ""
        builder = DocumentBuilder(hint.max_chars)
        tree.strip_tags(_NEVER_TEXT, recursive=True)
        if tree.body is not None:
            _Walker(builder).add(_main_content(tree, tree.body))
        return builder.finish(hint, title=_without_site_name(title, tree))


def add_fragment(builder: DocumentBuilder, html: str) -> None:
    """Append the blocks of a piece of HTML that stands inside another format."""
    tree = LexborHTMLParser(html.replace("\0", ""))
    tree.strip_tags(_NEVER_TEXT, recursive=True)
    if tree.body is not None:
        _Walker(builder).add(tree.body)


def _without_site_name(title: str, tree: LexborHTMLParser) -> str:
    """The first heading where the title only adds the site's name to it ("Leave policy - Intranet")."""
    heading = tree.css_first("h1")
    text = one_line(heading.text()) if heading else ""
    return text if text and text in title else title


def _main_content(tree: LexborHTMLParser, body: LexborNode) -> LexborNode:
    """The element that holds the page's own content, with its boilerplate removed."""
    total = _text_length(body)
    for node in body.css(_BOILERPLATE):
        if _text_length(node) < (1 - _CONTENT_SHARE) * total:
            node.decompose(recursive=True)
    for node in body.css("[class], [id]"):
        names = f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}".split()
        if any(map(_BOILERPLATE_CLASS.fullmatch, names)) and _text_length(node) < _CONTENT_SHARE * total:
            node.decompose(recursive=True)
    for node in body.css("header, ul, ol"):
        is_menu = not node.css_matches("h1, h2") if node.tag == "header" else _is_link_list(node)
        if is_menu and _text_length(node) < _CONTENT_SHARE * total:
            node.decompose(recursive=True)
    rest = _text_length(body)
    for selector in _CONTENT:
        candidates = tree.css(selector)
        if len(candidates) == 1 and _text_length(candidates[0]) >= _CONTENT_SHARE * rest:
            return candidates[0]
    return body


def _is_link_list(node: LexborNode) -> bool:
    items = [item for item in node.iter() if item.tag == "li"]
    return len(items) >= _MENU_LINKS and all(
        len(links := item.css("a")) == 1
        and len(text := item.text(strip=True)) <= _MENU_LINK_CHARS
        and text == links[0].text(strip=True)
        for item in items
    )


def _text_length(node: LexborNode) -> int:
    return len(node.text())


class _Walker:
    """Walks a tree in document order without recursion and appends its blocks."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder
        self._inline: list[str] = []
        self._lists: list[int | None] = []  # for each open list the next number, None for bullets
        self._marker = ""

    def add(self, root: LexborNode) -> None:
        nodes = 0
        node: LexborNode | None = root
        closing = False
        while node is not None:
            nodes += 1
            if nodes > _MAX_NODES:
                raise DocumentRejected("too-long", "The page holds too many elements; split it into smaller pages.")
            goes_in = not closing and self._open(node)
            if goes_in and node.child is not None:
                node, closing = node.child, False
                continue
            if goes_in or closing:
                self._close(node)
            if node.mem_id == root.mem_id:
                break
            following = node.next
            node, closing = (following, False) if following is not None else (node.parent, True)
        self._flush()

    def _open(self, node: LexborNode) -> bool:
        """Take a node in; whether its children are to be walked."""
        tag = node.tag or ""
        if tag == "-text":
            self._inline.append(node.text_content or "")
            return False
        if tag in _HEADINGS:
            self._flush()
            self._builder.heading(node.text(), _HEADINGS[tag])
        elif tag == "table" and _is_data_table(node):
            self._flush()
            caption = node.css_first("caption")
            self._builder.add(BlockKind.PARAGRAPH, one_line(caption.text()) if caption else "")
            rows = [row for row in _cells(node) if row]
            self._builder.table(map(_texts, rows), has_header=_has_header(rows))
        elif tag == "pre":
            self._flush()
            self._builder.add(BlockKind.CODE, node.text())
        elif tag == "br":
            self._inline.append("\n\n")
        elif not tag.startswith(("-", "!", "_")):
            self._open_block(node, tag)
            return True
        return False

    def _open_block(self, node: LexborNode, tag: str) -> None:
        if tag not in _BLOCK_TAGS:
            return
        self._flush()
        if tag in {"ul", "ol", "menu"}:
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            number = self._lists[-1] if self._lists else None
            self._marker = "- " if number is None else f"{number}. "
            if number is not None:
                self._lists[-1] = number + 1

    def _close(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag not in _BLOCK_TAGS:
            return
        self._flush()
        if tag in {"ul", "ol", "menu"} and self._lists:
            self._lists.pop()

    def _flush(self) -> None:
        # A line end in HTML is a space; only <br>, written as two of them above, ends a line.
        lines = [one_line(line) for line in re.split(r"\n\n", "".join(self._inline_parts()))]
        self._inline = []
        text = "\n".join(line for line in lines if line)
        if text and self._lists:
            self._builder.add(BlockKind.LIST_ITEM, self._marker + text)
            self._marker = ""
        else:
            self._builder.add(BlockKind.PARAGRAPH, text)

    def _inline_parts(self) -> Iterator[str]:
        for part in self._inline:
            yield part if part == "\n\n" else re.sub(r"\s+", " ", part)


def _is_data_table(table: LexborNode) -> bool:
    """Whether a table holds data: tables that lay out a page hold tables, headings or a single column."""
    if table.attributes.get("role") in {"presentation", "none"} or table.css_first(
        "table table, h1, h2, h3, ul ul"
    ):
        return False
    return any(len(cells) > 1 for cells, _ in zip(_cells(table), range(50), strict=False))


def _cells(table: LexborNode) -> Iterator[list[LexborNode]]:
    for row in table.css("tr"):
        yield [cell for cell in row.iter() if cell.tag in {"td", "th"}]


def _has_header(rows: list[list[LexborNode]]) -> bool:
    """Whether the first row names the columns: all of it is marked so, or no cell is marked and it looks so."""
    if all(cell.tag == "th" for cell in rows[0]):
        return len(rows) > 1
    marked = any(cell.tag == "th" for row in rows for cell in row)
    return not marked and is_header(_texts(rows[0]))


def _texts(cells: list[LexborNode]) -> list[str]:
    """The cells' texts; one that spans columns fills the first of them."""
    texts: list[str] = []
    for cell in cells:
        span = cell.attributes.get("colspan") or "1"
        texts += [_cell_text(cell), *[""] * (min(int(span), 50) - 1 if span.isdecimal() else 0)]
    return texts


def _cell_text(cell: LexborNode) -> str:
    parts: list[str] = []
    for node in cell.traverse(include_text=True):
        if node.tag == "-text":
            parts.append(node.text_content or "")
        elif node.tag == "br" or node.tag in _BLOCK_TAGS:
            parts.append(" ")
    return one_line("".join(parts))
