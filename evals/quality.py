"""Measures a running service: `python -m evals.quality` (all) or with names of sets; `examples` is one of them.

The service is found as the command line finds it: RAGSTONE_URL and RAGSTONE_KEY, or the settings of this folder.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.cli.client import connected, stop
from evals.datasets import load
from evals.metrics import ndcg_at_k, recall_at_k
from evals.service import Service

# Ways to search, as fields of the request: each list alone, what a search does by itself, that without one of its
# tricks, and what others do.
WAYS: Mapping[str, Mapping[str, Any]] = {
    "lexical": {"mode": "lexical"},
    "dense": {"mode": "dense"},
    "hybrid": {},
    "hybrid, not translated": {"ranking": {"translate": False}},
    "equal ranks (rrf)": {"ranking": {"fusion": "rrf"}},
    "equal scores, min-max": {"ranking": {"fusion": "weighted"}},
    "equal scores, z-score": {"ranking": {"fusion": "weighted", "normalisation": "z-score"}},
}
SETS = ("squad2", "cmrc2018", "xquad-en", "xquad-zh", "xquad-en-zh", "xquad-zh-en", "scifact")
EXAMPLES = "examples"
_QUESTIONS = Path(__file__).resolve().parents[1] / "examples" / "questions.jsonl"
_DEPTH = 30
# What BM25 alone gives by the data's own README (k1 = 1.5, b = 0.75; words, or jieba for Chinese): recall@1,
# recall@5, nDCG@10.
BM25_REFERENCE = {
    "squad2": (0.782, 0.914, 0.865),
    "cmrc2018": (0.974, 0.995, 0.987),
    "xquad-en": (0.920, 0.988, 0.961),
    "xquad-zh": (0.922, 0.990, 0.961),
    "xquad-en-zh": (0.120, 0.340, 0.269),
    "xquad-zh-en": (0.115, 0.172, 0.148),
    "scifact": (0.709, 0.867, 0.822),
}
console = Console()


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over a set's questions, 0 to 1."""

    recall_at_1: float
    recall_at_5: float
    ndcg_at_10: float


def measure_set(service: Service, name: str, most: int) -> dict[str, Figures]:
    """Return the figures of each way over a set's first `most` judged questions (0: all)."""
    data = load(name)
    # The sets that cross languages ask about the same passages as the plain ones: one collection a language.
    collection = f"eval-xquad-{data.passages[0].lang}" if name.startswith("xquad") else f"eval-{name}"
    service.feed(collection, data.passages)
    questions = data.judged()[: most or None]
    figures: dict[str, Figures] = {}
    for way, options in WAYS.items():
        found = service.ranked_all(collection, [question.text for question in questions], _DEPTH, options)
        judged = [(ranked, data.qrels[question.id]) for ranked, question in zip(found, questions, strict=True)]
        figures[way] = Figures(
            mean(recall_at_k(ranked, grades, 1) for ranked, grades in judged),
            mean(recall_at_k(ranked, grades, 5) for ranked, grades in judged),
            mean(ndcg_at_k(ranked, grades, 10) for ranked, grades in judged),
        )
    return figures


def measure_examples(service: Service) -> list[dict[str, Any]]:
    """Ask every example question; return a row each: kind, whether found, refused and rightly answered."""
    rows = []
    for line in _QUESTIONS.read_text("utf-8").splitlines():
        asked = json.loads(line)
        wanted = asked.get("document", [])
        documents = [wanted] if isinstance(wanted, str) else wanted
        ranked = service.ranked(EXAMPLES, asked["question"], _DEPTH)
        answer = service.answer(EXAMPLES, asked["question"])
        rows.append(
            {
                "id": asked["id"],
                "kind": asked["kind"],
                "question": asked["question"],
                "found": bool(set(documents) & set(ranked[:3])),
                "refused": not answer["grounded"],
                "says": _squeezed(asked.get("answer", "\0")) in _squeezed(answer["text"]),
            }
        )
    return rows


def _squeezed(text: str) -> str:
    return re.sub(r"[\s|]+|\[\d+\]", "", text)


def main(
    sets: Annotated[list[str] | None, typer.Argument(help="Sets to measure; none: all.")] = None,
    most: Annotated[int, typer.Option(help="Questions of each set; 0: all.")] = 0,
    misses: Annotated[bool, typer.Option(help="List the example questions that went wrong.")] = False,
) -> None:
    """Print the figures of the sets asked for."""
    wanted = sets or [EXAMPLES, *SETS]
    if unknown := set(wanted) - {EXAMPLES, *SETS}:
        stop(f"there is no set {', '.join(sorted(unknown))}: there are {', '.join((EXAMPLES, *SETS))}.", 2)
    with connected() as client:
        service = Service(client)
        if EXAMPLES in wanted:
            _show_examples(measure_examples(service), misses=misses)
        figures = {name: measure_set(service, name, most) for name in wanted if name != EXAMPLES}
    if figures:
        _show_sets(figures)


def _show_examples(rows: Sequence[Mapping[str, Any]], *, misses: bool) -> None:
    kinds: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        kinds[row["kind"]].append(row)
        if row["kind"] != "unanswerable":
            kinds["all answerable"].append(row)
    table = Table("kind", "questions", "document in first 3", "refused", "answer quoted", title="examples")
    for kind, of_kind in kinds.items():
        shares = [f"{mean(row[column] for row in of_kind):.1%}" for column in ("found", "refused", "says")]
        if kind == "unanswerable":
            shares[0] = shares[2] = ""
        table.add_row(kind, str(len(of_kind)), *shares)
    console.print(table)
    for row in rows if misses else ():
        answerable = row["kind"] != "unanswerable"
        if row["refused"] == answerable or (answerable and not row["found"]):
            console.print(f"{row['id']}: found {row['found']}, refused {row['refused']}: {row['question']}")


def _show_sets(figures: Mapping[str, Mapping[str, Figures]]) -> None:
    table = Table("set", "way", "recall@1", "recall@5", "nDCG@10", "− better list", title="question sets")
    for name, of_set in figures.items():
        better = max(of_set["dense"].ndcg_at_10, of_set["lexical"].ndcg_at_10)
        for way, found in of_set.items():
            values = [f"{value:.3f}" for value in (found.recall_at_1, found.recall_at_5, found.ndcg_at_10)]
            gain = f"{found.ndcg_at_10 - better:+.3f}" if way not in {"lexical", "dense"} else ""
            table.add_row(name, way, *values, gain)
        if name in BM25_REFERENCE:
            table.add_row(name, "BM25 by the README", *(f"{value:.3f}" for value in BM25_REFERENCE[name]), "")
        table.add_section()
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
