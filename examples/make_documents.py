"""Make the example documents that are not plain text from the sources beside this file.

A source is Markdown and named for what it becomes: `sources/hr/benefits-2025.pdf.md` becomes
`documents/hr/benefits-2025.pdf`; PDF, DOCX, XLSX and HTML are known. A source that ends in `.txt` is written
again in GB18030. A PDF source may begin with the line `columns: 2`.

Needs, besides the product's own packages: openpyxl (`pip install openpyxl`), Chromium on the path, and the font
Noto Sans CJK SC (Debian: `apt-get install chromium fonts-noto-cjk`).

    python examples/make_documents.py                      # all of them
    python examples/make_documents.py hr/benefits-2025.pdf # these only
"""

from __future__ import annotations

import html
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import docx
import openpyxl
from docx.oxml.ns import qn
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

HERE = Path(__file__).resolve().parent
SOURCES, DOCUMENTS = HERE / "sources", HERE / "documents"
FONT = "Noto Sans CJK SC"
MARKDOWN = MarkdownIt("commonmark").enable("table")
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
PRINT_STYLE = f"""
@page {{ size: A4; margin: 18mm 16mm; }}
body {{ font: 10.5pt/1.6 "{FONT}"; }}
h1 {{ font-size: 18pt; column-span: all; }} h2 {{ font-size: 13pt; break-after: avoid; }}
table {{ border-collapse: collapse; width: 100%; font-size: 9.5pt; }} tr {{ break-inside: avoid; }}
th, td {{ border: 0.5pt solid #666; padding: 3pt 5pt; text-align: left; }}
td:first-child {{ white-space: nowrap; }}
code, pre {{ font-family: "Noto Sans Mono CJK SC"; font-size: 9pt; }}
"""
HTML_PAGE = (HERE / "sources" / "page.html").read_text(encoding="utf-8")


def main(names: list[str]) -> None:
    """Make every document, or those named by their path below `documents/`."""
    for source in sorted(SOURCES.rglob("*")):
        if source.suffix not in {".md", ".txt"}:
            continue
        target = DOCUMENTS / source.relative_to(SOURCES)
        if source.suffix == ".md":
            target = target.with_suffix("")
        if names and target.relative_to(DOCUMENTS).as_posix() not in names:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        WRITERS[target.suffix](source.read_text(encoding="utf-8"), target)
        print(target.relative_to(HERE))


def write_pdf(text: str, target: Path) -> None:
    """Print the text with Chromium, which embeds the part of each font that is used."""
    columns = 1
    if first := re.match(r"columns: (\d)\n", text):
        columns, text = int(first[1]), text[first.end() :]
    page = (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(title_of(text))}</title>"
        f"<style>{PRINT_STYLE} body {{ columns: {columns}; column-gap: 9mm; }}</style>{MARKDOWN.render(text)}"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(page, encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        subprocess.run(
            ["chromium", *options, f"--user-data-dir={folder}/profile", f"--print-to-pdf={target}", str(path)],  # noqa: S607
            check=True,
            capture_output=True,
            timeout=120,
        )


def write_html(text: str, target: Path) -> None:
    """Put the text into the intranet's page: navigation, notices and footer that no reader asks about."""
    here = target.relative_to(DOCUMENTS)
    page = HTML_PAGE.replace("{title}", html.escape(title_of(text))).replace("{section}", here.parent.name)
    target.write_text(page.replace("{main}", MARKDOWN.render(text)), encoding="utf-8")


def write_docx(text: str, target: Path) -> None:
    """Write headings, paragraphs, lists and tables with Word's own styles."""
    document = docx.Document()
    document.core_properties.title = title_of(text)
    document.core_properties.author = "Fernridge Instruments"
    normal = document.styles["Normal"]
    normal.font.name = FONT
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    for node in SyntaxTreeNode(MARKDOWN.parse(text)).children:
        match node.type:
            case "heading":
                document.add_heading(plain(node), level=int(node.tag[1]))
            case "bullet_list" | "ordered_list":
                style = "List Bullet" if node.type == "bullet_list" else "List Number"
                for item in node.children:
                    document.add_paragraph(plain(item), style=style)
            case "table":
                rows = list(cells_of(node))
                table = document.add_table(rows=0, cols=len(rows[0]), style="Table Grid")
                for row in rows:
                    for cell, value in zip(table.add_row().cells, row, strict=True):
                        cell.text = value
            case _:
                document.add_paragraph(plain(node))
    document.save(str(target))


def write_xlsx(text: str, target: Path) -> None:
    """Write a sheet for each second-level heading; what looks like a number is one."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    sheet = None
    for node in SyntaxTreeNode(MARKDOWN.parse(text)).children:
        if node.type == "heading":
            sheet = book.create_sheet(plain(node))
            continue
        if sheet is None:
            raise ValueError(f"{target.name}: the source must begin with the name of a sheet (## …)")
        for row in cells_of(node) if node.type == "table" else [[plain(node)]]:
            sheet.append([float(value) if NUMBER.fullmatch(value) else value for value in row])
    book.save(target)


def write_gb18030(text: str, target: Path) -> None:
    """Write the text as old Chinese systems export it."""
    target.write_bytes(text.replace("\n", "\r\n").encode("gb18030"))


def title_of(text: str) -> str:
    """The first heading."""
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    return found[1] if found else ""


def plain(node: SyntaxTreeNode) -> str:
    """The text of a node without its markup."""
    if node.type in {"text", "code_inline", "code_block", "fence"}:
        return node.content
    if node.type in {"softbreak", "hardbreak"}:
        return "\n"
    return "".join(plain(child) for child in node.children)


def cells_of(table: SyntaxTreeNode) -> Iterator[list[str]]:
    """The rows of a table, its header first."""
    for part in table.children:
        for row in part.children:
            yield [plain(cell) for cell in row.children]


WRITERS: dict[str, Callable[[str, Path], None]] = {
    ".pdf": write_pdf,
    ".html": write_html,
    ".docx": write_docx,
    ".xlsx": write_xlsx,
    ".txt": write_gb18030,
}

if __name__ == "__main__":
    main(sys.argv[1:])
