"""Guards in front of the formats that are zip archives of XML (DOCX, XLSX)."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator

from core.errors import DocumentRejected

MAX_MEMBERS = 10_000
MAX_UNPACKED_BYTES = 512 * 2**20
_BLOCK_BYTES = 1 << 20
# The last two fields of the 30-byte header before each member: the lengths of its name and its extra data.
_LOCAL_HEADER = struct.Struct("<26xHH")
_CUSTOM_ENTITY = re.compile(rb"<!ENTITY|<!\x00?E\x00?N\x00?T", re.I)


def corrupt(kind: str) -> DocumentRejected:
    """The rejection of a damaged file; kind as in "Word document"."""
    return DocumentRejected(
        "corrupt",
        f"The {kind} is damaged and cannot be opened; open it in its own program, save it again and retry.",
    )


def open_archive(data: bytes, kind: str) -> zipfile.ZipFile:
    """Open an archive after checking that it unpacks within bounds and defines no XML entities.

    Raises DocumentRejected: "corrupt", "encrypted" or "too-long".
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise _too_large(kind)
        left = MAX_UNPACKED_BYTES
        for member in members:
            if member.flag_bits & 1:
                raise DocumentRejected("encrypted", f"The {kind} is protected by a password; remove it and retry.")
            left = _check(data, member, left, kind)
    except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, OSError, ValueError) as error:
        raise corrupt(kind) from error
    return archive


def _check(data: bytes, member: zipfile.ZipInfo, left: int, kind: str) -> int:
    """Unpack one member without keeping it; return the bytes that the next ones may take.

    The compressed bytes are read to their end: the sizes that an archive states can lie, and the libraries that
    read it later do not all stop there.
    """
    header = data[member.header_offset : member.header_offset + _LOCAL_HEADER.size]
    name_length, extra_length = _LOCAL_HEADER.unpack(header)
    start = member.header_offset + _LOCAL_HEADER.size + name_length + extra_length
    packed = memoryview(data)[start : start + member.compress_size]
    is_xml = member.filename.lower().endswith((".xml", ".rels", ".vml"))
    unpacked = 0
    for block in _unpack(packed, member.compress_type):
        if is_xml and not unpacked and _CUSTOM_ENTITY.search(block):
            raise corrupt(kind)
        unpacked += len(block)
        if unpacked > left:
            raise _too_large(kind)
    if unpacked != member.file_size:
        raise corrupt(kind)
    return left - unpacked


def _unpack(packed: memoryview, method: int) -> Iterator[bytes]:
    if method == zipfile.ZIP_STORED:
        for start in range(0, len(packed), _BLOCK_BYTES):
            yield bytes(packed[start : start + _BLOCK_BYTES])
    elif method == zipfile.ZIP_DEFLATED:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        pending: bytes | memoryview = packed
        while not inflater.eof:
            block = inflater.decompress(pending, _BLOCK_BYTES)
            pending = inflater.unconsumed_tail
            if not block and not pending:
                break
            yield block
    else:
        raise zipfile.BadZipFile(f"compression method {method}")


def _too_large(kind: str) -> DocumentRejected:
    return DocumentRejected(
        "too-long",
        f"The {kind} unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MB; split it into smaller files.",
    )
