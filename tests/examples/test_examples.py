"""The example collection and its questions: what a newcomer tries and what our quality is measured on."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from typing import Any

import pytest
import Stemmer  # type: ignore[import-not-found]

from tests.examples.texts import (
    DOCUMENTS,
    EXAMPLES,
    SOURCES,
    answering_passages,
    document_text,
    passages,
    plain_text,
    source_of,
    squeeze,
)

Question = dict[str, Any]
QUESTIONS: list[Question] = [
    json.loads(line) for line in (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]
ANSWERABLE = [question for question in QUESTIONS if question["kind"] != "unanswerable"]
UNANSWERABLE = [question for question in QUESTIONS if question["kind"] == "unanswerable"]
FILES = sorted(path for path in DOCUMENTS.rglob("*") if path.is_file())
MADE = sorted(path for path in SOURCES.rglob("*.*") if path.suffix in {".md", ".txt"})
HAN = re.compile(r"[\u4e00-\u9fff]+")
# Shaped like a part number, an error code or a function name.
CODE = re.compile(r"\b(?:[A-Z]+(?:-[A-Z0-9]+)*-\d[A-Z0-9-]*|[a-z]+(?:[A-Z][a-z]+)+)\b")
ENGLISH_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        an and are as at be because by can could did do does for from had has have he her him his himself how if in
        instead is it its itself may me must my no nobody not of off on or our out own she should so that the their
        them themselves they this to until up us was we what when where which who whom why will with would you your
        although am been before but every
        """,
    )
)
STEM = Stemmer.Stemmer("english").stemWord
identified = pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])


@cache
def squeezed(document: str) -> str:
    return squeeze(document_text(DOCUMENTS / document))


def documents_of(question: Question) -> list[str]:
    named = question["document"]
    return [named] if isinstance(named, str) else list(named)


def content_words(text: str) -> set[str]:
    words = set(re.findall(r"[a-z]{2,}|\d+", text.lower()))
    return {STEM(word) for word in words - ENGLISH_STOP_WORDS}


def han_bigrams(text: str) -> set[str]:
    return {run[i : i + 2] for run in HAN.findall(text) for i in range(len(run) - 1)}


def test_collection_has_enough_files_of_every_format() -> None:
    formats = Counter(path.suffix for path in FILES)
    assert len(FILES) >= 40
    for suffix, least in {".md": 10, ".txt": 4, ".html": 5, ".pdf": 8, ".docx": 6, ".xlsx": 3, ".csv": 3}.items():
        assert formats[suffix] >= least, f"only {formats[suffix]} of {suffix}"
    assert sum(path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()) < 6_000_000


def test_collection_has_a_document_in_gb18030() -> None:
    old = [path for path in FILES if path.suffix == ".txt" and not _is_utf8(path.read_bytes())]
    assert [path.name for path in old] == ["referral-bonus.txt"]
    assert "内部推荐奖励办法" in old[0].read_bytes().decode("gb18030")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def test_both_versions_of_the_expense_policy_say_which_one_counts() -> None:
    old, new = squeezed("finance/expense-policy-2024.pdf"), squeezed("finance/expense-policy-2025.pdf")
    assert squeeze("Valid from 1 January 2024 to 31 December 2024. Superseded by FIN-007 version 4") in old
    assert squeeze("Valid from 1 January 2025 until it is replaced. This version supersedes version 3") in new


@pytest.mark.parametrize("source", MADE, ids=lambda path: path.name)
def test_made_document_says_what_its_source_says(source: Any) -> None:
    name = source.relative_to(SOURCES).as_posix().removesuffix(".md")
    assert source_of(name) == source
    text = squeezed(name)
    cells = (cell for passage in passages(name) for cell in re.split(r"\s*\|\s*|\n", passage))
    for cell in cells:
        words = squeeze(re.sub(r"^columns: \d|^\s*(?:#+|-|\d+\.)\s|[*`]|^:?-{3,}:?$", "", cell))
        assert words in text, f"{name} lacks {words!r}: run examples/make_documents.py {name}"


def test_every_made_document_has_its_source() -> None:
    binary = [path for path in FILES if path.suffix in {".pdf", ".docx", ".xlsx", ".html"}]
    assert all(source_of(path.relative_to(DOCUMENTS).as_posix()) != path for path in binary)


def test_there_are_enough_questions_of_every_kind() -> None:
    kinds = Counter(question["kind"] for question in QUESTIONS)
    assert len(QUESTIONS) >= 90
    for kind in ("zh", "en", "zh-en", "en-zh", "code", "paraphrase"):
        assert kinds[kind] >= 12, f"only {kinds[kind]} of {kind}"
    assert kinds["unanswerable"] >= 20
    assert set(kinds) == {"zh", "en", "zh-en", "en-zh", "code", "paraphrase", "unanswerable"}


def test_question_ids_and_texts_are_unique() -> None:
    for field in ("id", "question"):
        assert [value for value, n in Counter(q[field] for q in QUESTIONS).items() if n > 1] == []


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_language_is_the_one_asked_in(question: Question) -> None:
    assert question["lang"] == ("zh" if HAN.search(question["question"]) else "en")
    expected = {"zh": "zh", "en": "en", "zh-en": "zh", "en-zh": "en"}.get(question["kind"], question["lang"])
    assert question["lang"] == expected


@identified
def test_answer_stands_in_its_document(question: Question) -> None:
    for document in documents_of(question):
        assert (DOCUMENTS / document).is_file()
        assert squeeze(question["answer"]) in squeezed(document)
        assert answering_passages(document, question["answer"])


@pytest.mark.parametrize("question", [q for q in ANSWERABLE if "-" in q["kind"]], ids=lambda q: q["id"])
def test_cross_language_answer_is_in_the_other_language(question: Question) -> None:
    for document in documents_of(question):
        passage = answering_passages(document, question["answer"])[0]
        assert bool(HAN.search(passage)) == (question["kind"] == "en-zh")


@pytest.mark.parametrize("question", [q for q in ANSWERABLE if q["kind"] == "code"], ids=lambda q: q["id"])
def test_code_stands_in_its_document(question: Question) -> None:
    code = re.search(r"[A-Za-z0-9_]+(?:-[A-Z0-9]+)+|[A-Z]+(?:_[A-Z0-9]+)+|[A-Za-z]+[A-Z]\w+", question["question"])
    assert code is not None
    assert all(code[0] in squeezed(document) for document in documents_of(question))


@pytest.mark.parametrize("question", [q for q in ANSWERABLE if q["kind"] == "paraphrase"], ids=lambda q: q["id"])
def test_paraphrase_shares_no_content_word_with_its_passage(question: Question) -> None:
    for document in documents_of(question):
        for passage in answering_passages(document, question["answer"]):
            assert content_words(question["question"]) & content_words(passage) == set()
            assert han_bigrams(question["question"]) & han_bigrams(passage) == set()


@pytest.mark.parametrize("question", UNANSWERABLE, ids=lambda question: question["id"])
def test_unanswerable_question_names_no_document_and_no_known_code(question: Question) -> None:
    assert set(question) == {"id", "question", "lang", "kind"}
    everything = "\n".join(plain_text(source_of(path.relative_to(DOCUMENTS).as_posix())) for path in FILES)
    known_products = {"CG-4", "CG-5"}
    assert [c for c in CODE.findall(question["question"]) if c in everything and c not in known_products] == []
