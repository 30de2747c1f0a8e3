"""The question sets that retrieval and refusals are measured on; they lie beside the checkout, never in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import NotFound

DATA_DIR = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage to index; title and text are what may be indexed."""

    id: str
    title: str
    text: str
    lang: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question; not answerable means that the right reply is a refusal.

    refusal_suspect marks a refusal that is itself doubtful: it belongs in no refusal rate.
    """

    id: str
    text: str
    lang: str
    answers: Sequence[str]
    answerable: bool
    refusal_suspect: bool


@dataclass(frozen=True, slots=True)
class Dataset:
    """A set of passages with questions; qrels maps question id → passage id → grade."""

    name: str
    passages: Sequence[Passage]
    questions: Sequence[Question]
    qrels: Mapping[str, Mapping[str, int]]

    def judged(self) -> list[Question]:
        """Answerable questions with a relevant passage: those that retrieval measures are taken on."""
        return [question for question in self.questions if question.answerable and question.id in self.qrels]


@dataclass(frozen=True, slots=True)
class _Recipe:
    """Where a set lies and which languages of passages and questions it keeps; empty keeps all."""

    folder: str
    qrels: str = "qrels.tsv"
    passage_lang: str = ""
    question_lang: str = ""


_RECIPES = {
    "squad2": _Recipe("squad2"),
    "cmrc2018": _Recipe("cmrc2018"),
    "drcd": _Recipe("drcd"),
    "xquad-en": _Recipe("xquad", passage_lang="en", question_lang="en"),
    "xquad-zh": _Recipe("xquad", passage_lang="zh", question_lang="zh"),
    "xquad-en-zh": _Recipe("xquad", "qrels.cross.tsv", passage_lang="zh", question_lang="en"),
    "xquad-zh-en": _Recipe("xquad", "qrels.cross.tsv", passage_lang="en", question_lang="zh"),
    "scifact": _Recipe("scifact"),
    "multihop": _Recipe("multihop"),
    "zh_tech_md": _Recipe("zh_tech_md"),
}
DATASETS = tuple(_RECIPES)


def load(name: str, data_dir: Path = DATA_DIR) -> Dataset:
    """Read a set; xquad-en-zh asks in English about the Chinese passages, xquad-zh-en the other way round.

    Raises NotFound for a name not in DATASETS, and where the set's files are missing.
    """
    if name not in _RECIPES:
        raise NotFound(f"There is no question set {name!r}; there are {', '.join(DATASETS)}.")
    recipe = _RECIPES[name]
    folder = data_dir / recipe.folder
    try:
        passages = [
            Passage(row["id"], row["title"], row["text"], row["lang"])
            for row in _rows(folder / "corpus.jsonl")
            if row["lang"].startswith(recipe.passage_lang)
        ]
        questions = [
            Question(
                row["id"],
                row["text"],
                row["lang"],
                row["answers"],
                row["answerable"],
                row.get("refusal_suspect", False),
            )
            for row in _rows(folder / "queries.jsonl")
            if row["lang"].startswith(recipe.question_lang)
        ]
        qrels = _qrels(folder / recipe.qrels)
    except FileNotFoundError as error:
        raise NotFound(f"The question set {name} needs {error.filename}, which is missing.") from error
    kept = {question.id for question in questions}
    return Dataset(name, passages, questions, {id_: grades for id_, grades in qrels.items() if id_ in kept})


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _qrels(path: Path) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for line in path.read_text("utf-8").splitlines():
        question_id, passage_id, grade = line.split("\t")
        qrels.setdefault(question_id, {})[passage_id] = int(grade)
    return qrels
