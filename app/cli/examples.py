"""The example collection, loaded once: a later delete of it is not undone by the next start."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import httpx

from app.cli.client import checked
from core.settings import Settings

_FOLDER = Path(__file__).resolve().parents[2] / "examples" / "documents"
_MARK = "examples.loaded"
COLLECTION = "examples"
_ABOUT = {
    "title": "Examples · 示例文档",
    "description": "The intranet of an invented company, in Chinese and English.",
}


def load_examples(settings: Settings, client: httpx.Client) -> None:
    """Queue the example documents, at the first start alone."""
    mark = settings.data_dir / _MARK
    if mark.exists() or not _FOLDER.is_dir():
        return
    checked(client.put(f"/v1/collections/{COLLECTION}", json=_ABOUT))
    files = [
        ("files", (path.relative_to(_FOLDER).as_posix(), path.read_bytes(), _media_type(path)))
        for path in sorted(_FOLDER.rglob("*"))
        if path.is_file()
    ]
    checked(client.post(f"/v1/collections/{COLLECTION}/documents", files=files))
    mark.touch()


def _media_type(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"
