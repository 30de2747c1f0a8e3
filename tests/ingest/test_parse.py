"""What a file is decides how it is read, whatever it is called; what cannot be read says why."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from core.errors import DocumentRejected
from ingest.parse import Format, detect_format
from tests.examples.texts import DOCUMENTS
from tests.support.parsing import assert_ranges_hold, read_file, rejection
from tests.support.shared_data import shared_file

PDF = (DOCUMENTS / "finance" / "expense-policy-2024.pdf").read_bytes()
DOCX = (DOCUMENTS / "hr" / "travel-policy.docx").read_bytes()
XLSX = (DOCUMENTS / "products" / "price-list-2025.xlsx").read_bytes()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
REFUSED = {
    "broken_slides.pptx": "unsupported-type",
    "broken_zero_bytes.pdf": "empty",
    "en_slides.pptx": "unsupported-type",
    "en_slides_lists.pptx": "unsupported-type",
    "enc_password.docx": "encrypted",
    "enc_password.pdf": "encrypted",
    "enc_password.xlsx": "encrypted",
    "legacy.xls": "unsupported-type",
    "scan_image.pdf": "no-text",
    "scan_no_text.pdf": "no-text",
}


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "filename", "content_type", "expected"),
    [
        (PDF, "report.docx", "application/octet-stream", Format.PDF),
        (DOCX, "report", "", Format.DOCX),
        (XLSX, "table.csv", "text/csv", Format.XLSX),
        (b"# A", "README.md", "text/plain", Format.MARKDOWN),
        (b"# A", "README", "text/markdown; charset=utf-8", Format.MARKDOWN),
        (b"a,b\n", "a.csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Format.CSV),
        (b"a\tb\n", "a.TSV", "", Format.CSV),
        (b"<!DOCTYPE html><html></html>", "a.txt", "text/plain", Format.HTML),
        (b"<p>x</p>", "a.htm", "", Format.HTML),
        (b"The header of a PDF is %PDF-1.7.", "about.txt", "", Format.TEXT),
        (b"anything", "notes", "", Format.TEXT),
        (b"2026-01-01 INFO started", "server.log", "", Format.TEXT),
    ],
)
def test_bytes_outweigh_claims_and_names(data: bytes, filename: str, content_type: str, expected: Format) -> None:
    assert detect_format(data, filename=filename, content_type=content_type) is expected


@pytest.mark.parametrize(
    ("data", "filename", "code"),
    [
        (PNG, "photo.png", "unsupported-type"),
        (PNG, "contract.pdf", "wrong-type"),
        (b"just text", "contract.pdf", "wrong-type"),
        (b"just text", "contract.docx", "wrong-type"),
        (b"just text", "contract.xlsx", "wrong-type"),
        (zipped("a.txt", "b.txt"), "all.zip", "unsupported-type"),
        (zipped("ppt/slides/slide1.xml"), "talk.pptx", "unsupported-type"),
        (zipped("mimetype", "content.xml"), "text.odt", "unsupported-type"),
        (b"PK\x03\x04 cut off", "report.docx", "corrupt"),
        (b"PK\x03\x04 cut off", "all.zip", "unsupported-type"),
        (zipped("word/other.xml"), "report.docx", "corrupt"),
        (zipped("xl/workbook.xml"), "report.xlsx", "corrupt"),
        (b"{\\rtf1 hello}", "old.rtf", "unsupported-type"),
        (b"\0\0\0\0", "zeros.pdf", "empty"),
        (b" \n\t ", "blank.txt", "empty"),
        (b"---\ntitle: x\n---\n", "front.md", "no-text"),
    ],
)
def test_unreadable_file_says_why(data: bytes, filename: str, code: str) -> None:
    assert rejection(data, filename) == code


def shared_files() -> list[Path]:
    """Every real file that the manifest names."""
    manifest = shared_file("files", "manifest.jsonl").read_text(encoding="utf-8")
    return [shared_file("files", "files", json.loads(line)["file"]) for line in manifest.splitlines()]


def test_every_real_file_is_readable_or_refused_with_its_reason() -> None:
    outcomes: dict[str, str] = {}
    for path in shared_files():
        try:
            assert_ranges_hold(read_file(path))
        except DocumentRejected as rejected:
            outcomes[path.name] = rejected.code
    assert outcomes == REFUSED


def test_reason_names_the_way_out() -> None:
    advice = {
        "enc_password.docx": "without one",
        "legacy.xls": ".xlsx",
        "scan_no_text.pdf": "OCR",
        "en_slides.pptx": "PDF",
    }
    for name, words in advice.items():
        with pytest.raises(DocumentRejected) as caught:
            read_file(shared_file("files", "files", name))
        assert words in caught.value.detail
