"""Reading uploads off the wire into the blob folder, within the limits, before anything else is touched."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from anyio import to_thread
from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from app.bodies import check_announced, limited
from app.documents.schemas import BulkLine
from app.documents.service import BULK_CONTENT_TYPE, Incoming, check_document_id
from core.blobs import Blob, BlobStore
from core.errors import InvalidInput, TooLarge
from core.settings import Settings

_PIECE_BYTES = 1 << 20


def _body(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


_BINARY = {"type": "string", "format": "binary"}
RAW_BODY = _body("application/octet-stream", _BINARY)
NDJSON_BODY = _body("application/x-ndjson", {"type": "string"})
MULTIPART_BODY = _body(
    "multipart/form-data",
    {"type": "object", "required": ["files"], "properties": {"files": {"type": "array", "items": _BINARY}}},
)


async def store_body(request: Request, blobs: BlobStore, settings: Settings) -> Blob:
    """Store a raw body; raises TooLarge, StorageFull or InvalidInput for an empty one."""
    check_announced(request, settings.max_file_bytes)
    blob = await blobs.put_stream(request.stream(), settings.max_file_bytes)
    if blob.size_bytes == 0:
        raise InvalidInput("The file is empty (0 bytes): check that it was saved completely and upload it again.")
    return blob


async def from_multipart(request: Request, blobs: BlobStore, settings: Settings) -> list[Incoming]:
    """Store the files of a form; raises TooLarge, StorageFull or InvalidInput."""
    bounded = limited(request, settings.max_request_bytes)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidInput("Send the files as multipart/form-data in fields named `files`.")
    try:
        form = await bounded.form(max_files=settings.max_files_per_request, max_fields=100)
    except MultiPartException as error:
        raise InvalidInput(f"The form cannot be read: {error.message}.") from error
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files:
        raise InvalidInput("The form holds no file: send at least one in a field named `files`.")
    incoming = []
    for file in files:
        name = check_document_id((file.filename or "").replace("\\", "/").lstrip("/"))
        blob = await blobs.put_stream(_pieces(file), settings.max_file_bytes)
        incoming.append(Incoming(name, blob, file.content_type or "", name.rsplit("/", 1)[-1]))
    await form.close()
    return incoming


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(_PIECE_BYTES):
        yield piece


async def from_ndjson(request: Request, blobs: BlobStore, settings: Settings) -> list[Incoming]:
    """Store the texts of an NDJSON body; raises TooLarge, StorageFull or InvalidInput with the line's number.

    Lines end at LF alone: a JSON string may hold U+2028 and its like.
    """
    check_announced(request, settings.max_request_bytes)
    incoming: list[Incoming] = []
    number, rest, read = 0, bytearray(), 0
    async for piece in request.stream():
        read += len(piece)
        rest += piece
        if read > settings.max_request_bytes or len(rest) > settings.max_file_bytes:
            raise TooLarge(f"At most {settings.max_request_bytes:,} bytes are accepted in one request.")
        *lines, last = rest.split(b"\n")
        rest = bytearray(last)
        for line in lines:
            number += 1
            incoming += await to_thread.run_sync(_line, bytes(line), number, blobs)
        if len(incoming) > settings.max_files_per_request:
            raise TooLarge(
                f"At most {settings.max_files_per_request:,} documents are accepted in one request: send several."
            )
    incoming += await to_thread.run_sync(_line, bytes(rest), number + 1, blobs)
    if not incoming:
        raise InvalidInput("The body holds no document: send a JSON object a line.")
    return incoming


def _line(line: bytes, number: int, blobs: BlobStore) -> list[Incoming]:
    if not line.strip():
        return []
    try:
        fields = BulkLine.model_validate(json.loads(line))
        document_id = check_document_id(fields.id)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"Line {number}: {where}: {first['msg']}. Nothing was taken in.") from error
    except InvalidInput as error:
        raise InvalidInput(f"Line {number}: {error.detail} Nothing was taken in.") from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
        raise InvalidInput(f"Line {number} is not valid JSON: {error}. Nothing was taken in.") from error
    if not fields.text.strip():
        raise InvalidInput(f"Line {number}: text is empty. Nothing was taken in.")
    blob = blobs.put(fields.text.encode("utf-8", "replace"))
    return [
        Incoming(
            document_id,
            blob,
            BULK_CONTENT_TYPE,
            f"{document_id.rsplit('/', 1)[-1]}.txt",
            fields.title,
            fields.uri,
            fields.lang,
            fields.metadata,
            fields.groups,
        )
    ]
