"""XLM-RoBERTa's Unigram tokenizer on sentencepiece, with the vocabulary out of the weights' file.

The same pieces in `tokenizers` take 300 MB of memory; sentencepiece's double-array trie takes 35 MB.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any

from sentencepiece import SentencePieceProcessor

from indexes.embedders.e5.weights import Vocabulary

_SPACES = re.compile(" {2,}")


def serialise(vocabulary: Vocabulary) -> bytes:
    """Write the vocabulary as a sentencepiece model (sentencepiece_model.proto), about 5 MB.

    Normalisation is left to `Tokenizer`: its map is not one that sentencepiece's own format was made from.
    `<s>`, `</s>`, `<pad>` and `<mask>` become control pieces, so that a text cannot spell them.
    """
    # Generated classes without types, and only building needs them.
    spm: Any = importlib.import_module("sentencepiece.sentencepiece_model_pb2")
    piece = spm.ModelProto.SentencePiece
    control = {vocabulary.bos, vocabulary.eos, vocabulary.pad, vocabulary.pieces.index("<mask>")}
    model = spm.ModelProto()
    model.trainer_spec.model_type = spm.TrainerSpec.UNIGRAM
    model.trainer_spec.bos_id = vocabulary.bos
    model.trainer_spec.eos_id = vocabulary.eos
    model.trainer_spec.pad_id = vocabulary.pad
    model.trainer_spec.unk_id = vocabulary.unknown
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = True
    model.normalizer_spec.remove_extra_whitespaces = False
    for i, (text, score) in enumerate(zip(vocabulary.pieces, vocabulary.scores, strict=True)):
        kind = piece.UNKNOWN if i == vocabulary.unknown else piece.CONTROL if i in control else piece.NORMAL
        model.pieces.add(piece=text, score=score, type=kind)
    serialised: bytes = model.SerializeToString()
    return serialised


class Tokenizer:
    """Texts to token ids, as the model was trained: without prefix and special tokens. Safe in threads."""

    def __init__(self, model: bytes, normal_forms: Mapping[int, str]) -> None:
        """model: what `serialise` wrote."""
        # A NUL ends the text for a reader in C, and the vocabulary has no piece for it either.
        self._normal_forms = {**normal_forms, 0: " "}
        self._processor = SentencePieceProcessor(model_proto=model)
        self.bos = self._processor.bos_id()
        self.eos = self._processor.eos_id()
        self._unknown = self._processor.unk_id()

    def encode(self, text: str) -> list[int]:
        """Return the ids of the most probable segmentation; each unknown character is a token of its own."""
        normal = self._normalise(text)
        ids: list[int] = self._processor.encode(normal)
        if self._unknown in ids:
            return self._encode_unknown(normal)
        return ids

    def _encode_unknown(self, normal: str) -> list[int]:
        """As encode: sentencepiece joins neighbouring unknown characters, the model's own tokenizer does not."""
        ids: list[int] = []
        for piece in self._processor.encode(normal, return_type="proto").pieces:
            ids.extend([piece.id] * (len(piece.piece) if piece.id == self._unknown else 1))
        return ids

    def _normalise(self, text: str) -> str:
        well_formed = text.encode("utf-8", "replace").decode()  # JSON may carry lone surrogates
        # One leading space goes: sentencepiece adds one of its own.
        return _SPACES.sub(" ", well_formed.translate(self._normal_forms)).removeprefix(" ")
