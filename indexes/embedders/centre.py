"""Where a model puts questions as such: the mean embedding of questions about anything, for each language.

A question's embedding is, for the greater part, that of a question in its language. Passages that resemble this
part (in the question's language, short, or asking themselves) come close to every question. Taking the mean away
before comparing leaves what the question is about (docs/decisions/fusion.md). The questions are of our own making
and have nothing to do with any collection or evaluation set.
"""

from __future__ import annotations

import re
from hashlib import sha256
from importlib import resources
from pathlib import Path

import numpy as np

from core.types import Embeddings
from indexes.embedders.base import Embedder
from indexes.embedders.derived import derived_file

_LANGUAGES = ("en", "zh")  # the columns of the file


def question_centres(embedder: Embedder, folder: Path) -> dict[str, Embeddings]:
    """Return float32 [d] for "en", "zh" and "" (any other), kept in the folder by the embedder's fingerprint.

    Raises EmbedderUnavailable.
    """
    text = (resources.files("indexes.embedders") / "questions.tsv").read_text("utf-8")
    columns = list(zip(*(line.split("\t") for line in text.splitlines()), strict=True))
    key = sha256(f"{embedder.fingerprint}\n{text}".encode()).hexdigest()[:16]

    def embed() -> bytes:
        means = [np.mean([embedder.embed_query(question) for question in column], axis=0) for column in columns]
        return np.stack(means).astype(np.float32).tobytes()

    name = re.sub(r"[^\w.-]+", "-", embedder.fingerprint)[:80]
    means = np.frombuffer(derived_file(folder / f"centres-{name}-{key}.sum", embed), np.float32)
    by_language = means.reshape(len(_LANGUAGES), embedder.dimension)
    return {"": by_language.mean(axis=0), **dict(zip(_LANGUAGES, by_language, strict=True))}
