"""From bytes to text when nobody says in which encoding they are.

Guessers trained on many languages are poor at short Chinese texts, so what is certain is tried first: marks at
the start, UTF-8 strictly, then the two Chinese families by the share of their everyday characters.
"""

from __future__ import annotations

import codecs

import charset_normalizer

from core.errors import DocumentRejected

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_SAMPLE_BYTES = 64 * 1024
# The share of everyday characters among all Chinese ones above which an encoding is believed: running Chinese
# text has over 0.9, other encodings read as Chinese have well under 0.5.
_EVERYDAY_SHARE = 0.7
_CONTROL_SHARE = 0.02
_GUESS_SAMPLE_BYTES = 256 * 1024


def decode(data: bytes, *, declared: str = "") -> str:
    """Return the text of data; declared is the encoding that the file or its sender names, "" if none.

    Raises DocumentRejected ("unsupported-type") for bytes that are no text at all.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    for encoding in (_codec_name(declared), _utf16_without_mark(data), "utf-8"):
        text = _strict(data, encoding)
        if text is not None and not _is_binary(text):
            return text
    text = _legacy(data)
    if _is_binary(text):
        raise DocumentRejected(
            "unsupported-type", "The file holds binary data, not text; save it as text, PDF, Word or Excel."
        )
    return text


def _strict(data: bytes, encoding: str) -> str | None:
    if not encoding:
        return None
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        # A file cut off inside its last character is still that encoding.
        try:
            return codecs.getincrementaldecoder(encoding)().decode(data, final=False) if len(data) > 8 else None
        except (UnicodeError, LookupError):
            return None


def _codec_name(declared: str) -> str:
    name = declared.strip().strip("\"'").lower()
    if name in {"gb2312", "gbk", "x-gbk", "gb_2312-80", "gb18030"}:
        return "gb18030"  # a superset; pages that say gb2312 use it
    if name in {"iso-8859-1", "latin1", "us-ascii", "ascii"}:
        return ""  # what servers say when they do not know
    try:
        info = codecs.lookup(name) if name else None
    except (LookupError, ValueError):
        return ""
    return info.name if info is not None and info._is_text_encoding and info.name != "utf-7" else ""


def _utf16_without_mark(data: bytes) -> str:
    """The byte order of UTF-16 text by where its zero bytes are, or "" where it is none."""
    sample = data[:_SAMPLE_BYTES]
    if len(sample) < 4 or b"\0" not in sample:
        return ""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd > 4 * even:
        return "utf-16-le"
    return "utf-16-be" if even > 4 * odd else ""


def _legacy(data: bytes) -> str:
    shares = {
        "gb18030": _everyday_share(data, 0xB0, 0xD7, range(0xA1, 0xFF)),
        "big5": _everyday_share(data, 0xA4, 0xC6, [*range(0x40, 0x7F), *range(0xA1, 0xFF)]),
    }
    for encoding in sorted(shares, key=lambda name: -shares[name]):
        text = _strict(data, encoding) if shares[encoding] >= _EVERYDAY_SHARE else None
        if text is not None:
            return text
    best = charset_normalizer.from_bytes(data[:_GUESS_SAMPLE_BYTES]).best() if len(data) > 200 else None
    if best is not None:
        return data.decode(best.encoding, "replace")
    return data.decode("cp1252", "replace")


def _everyday_share(data: bytes, first_lead: int, last_lead: int, trails: range | list[int]) -> float:
    """Share of two-byte characters that lie in an encoding's block of everyday characters.

    GB2312's level 1 and Big5's level 1 are ranges of the lead byte; symbols before them count neither way.
    """
    everyday = others = 0
    allowed = frozenset(trails)
    sample = data[:_SAMPLE_BYTES]
    position = 0
    while position < len(sample) - 1:
        lead = sample[position]
        if lead < 0x80:
            position += 1
            continue
        trail = sample[position + 1]
        if first_lead <= lead <= last_lead and trail in allowed:
            everyday += 1
        elif not (0xA1 <= lead < first_lead and trail in allowed and lead <= 0xA9):
            others += 1
        position += 2
    return everyday / (everyday + others) if everyday else 0.0


def _is_binary(text: str) -> bool:
    sample = text[:_SAMPLE_BYTES]
    controls = sum(1 for char in sample if char < " " and char not in "\t\n\r\f\v\x1a\x1b")
    return controls > _CONTROL_SHARE * len(sample)
