"""The concepts of a question: its words and phrases, each with what it may be called in the other language."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from indexes.analyse import fold, han_words, stems, tokens
from indexes.lexical.postings import term_hash
from indexes.translation.dictionary import Dictionary
from indexes.translation.flat import NO_CONCEPTS, Concepts, Hashes

OTHER = {"zh": "en", "en": "zh"}
_LONGEST_PHRASE = 3
# Words that make a sentence a question say what kind of answer is wanted: passages do not hold them.
_ASKING = frozenset(
    """请问 如何 怎样 怎么样 怎么办 什么样 多少 多久 多长 多大 多高 多远 多快 何时 何地 何处 几 哪个 哪些 哪里 哪儿
    哪天 是否""".split()  # noqa: SIM905
)


def concepts(question: str, language: str, dictionary: Dictionary) -> Concepts:
    """Return the concepts of a question in "zh" or "en", for passages in the other one; none for other languages.

    What is written alike in both languages (names, codes, numbers) stands for itself.
    """
    if language not in OTHER:
        return NO_CONCEPTS
    folded = fold(question)
    return _of_chinese(folded, dictionary) if language == "zh" else _of_english(folded, dictionary)


def _of_chinese(question: str, dictionary: Dictionary) -> Concepts:
    words = [word for word in han_words(question) if word not in _ASKING]
    themselves = [[_hashes(itself)] for token in tokens(question) if (itself := stems(token))]
    return dictionary.translations([[word] for word in words]).and_also(Concepts.of(themselves))


def _of_english(question: str, dictionary: Dictionary) -> Concepts:
    said = tokens(question)
    after_how = {place for place, token in enumerate(said, 1) if token.lower() == "how"}  # how long, how many
    words = [found for place, token in enumerate(said) if place not in after_how and (found := stems(token))]
    spans = [
        (start, end)
        for start in range(len(words))
        for end in range(start + 1, min(start + _LONGEST_PHRASE, len(words)) + 1)
    ]
    phrases = [list(dict.fromkeys(chain.from_iterable(words[start:end]))) for start, end in spans]
    known = dictionary.translations(phrases)
    if words:
        lone = np.array([place for place, (start, end) in enumerate(spans) if end == start + 1])
        known = known.with_alternatives(lone, [_hashes(word) for word in words])
    return known.without_empty()


def _hashes(terms: Sequence[str]) -> Hashes:
    return np.array([term_hash(term) for term in dict.fromkeys(terms)], np.uint64)
