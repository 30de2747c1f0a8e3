"""Which words of a source support a claim of an answer, and how well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from core.language import detect_language
from core.sentences import split_sentences
from core.types import Source
from indexes.analyse import analyse

# A number says more than a word, and a wrong one makes a claim wrong.
_NUMBER_WEIGHT = 2.0
_MISSING_NUMBER_FACTOR = 0.5
# Two sentences are quoted only where the second adds this much.
_SECOND_SENTENCE = 0.15
# What a claim in another language than its source can be held against: numbers, codes and names. Without any
# of them words tell nothing, neither for nor against.
UNKNOWN_SUPPORT = 0.5
# Below it a sentence counts as unsupported.
LEAST_SUPPORT = 0.3


@dataclass(frozen=True, slots=True)
class Quote:
    """The part `source.text[start:end]` that best supports a claim; support is 0 to 1.

    comparable is False where claim and source share no script, so that words tell nothing.
    """

    start: int
    end: int
    support: float
    comparable: bool = True


@dataclass(frozen=True)
class _Claim:
    weights: dict[str, float]
    numbers: frozenset[str]


class QuoteFinder:
    """Looks for the best quote in one source; its sentences are analysed once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._language = source.lang if source.lang in {"zh", "en"} else detect_language(source.text)

    @cached_property
    def _spans(self) -> list[tuple[int, int, frozenset[str]]]:
        """Sentences, and then every two neighbours, with their terms."""
        text = self._source.text
        singles = [(start, end, frozenset(analyse(text[start:end]))) for start, end in split_sentences(text)]
        pairs = [(one[0], two[1], one[2] | two[2]) for one, two in pairwise(singles)]
        return singles + pairs

    @cached_property
    def _surroundings(self) -> frozenset[str]:
        """Terms that hold for every sentence of the source: a table's header, the headings, the title."""
        return frozenset(analyse(f"{self._source.context}\n{self._source.heading}\n{self._source.title}"))

    def find(self, claim: str) -> Quote:
        """Return the sentence, or two sentences, that share most with the claim."""
        text = self._source.text
        bare = claim.strip()
        verbatim = text.find(bare) if bare else -1
        if verbatim >= 0:
            return Quote(verbatim, verbatim + len(bare), 1.0)
        asked = _claim(bare, self._language)
        if not asked.weights:
            return Quote(0, len(text), UNKNOWN_SUPPORT, comparable=False)
        best = Quote(0, len(text), 0.0)
        best_score = 0.0
        singles = (len(self._spans) + 1) // 2
        for index, (start, end, terms) in enumerate(self._spans):
            support = _support(asked, terms, self._surroundings)
            score = support - (_SECOND_SENTENCE if index >= singles else 0.0)
            if score > best_score:
                best, best_score = Quote(start, end, support), score
        return best


def best_support(claim: str, finders: Sequence[QuoteFinder]) -> float:
    """Return the support of the source that supports a claim best; 0 where none can be compared with it."""
    quotes = (finder.find(claim) for finder in finders)
    return max((quote.support for quote in quotes if quote.comparable), default=0.0)


def _claim(text: str, source_language: str) -> _Claim:
    terms = frozenset(analyse(text))
    language = detect_language(text)
    if language and source_language and language != source_language:
        # Across languages only what is written alike in both can be compared.
        terms = frozenset(term for term in terms if term.isascii() and _crosses(term, language))
    numbers = frozenset(term for term in terms if any(char.isdigit() for char in term))
    weights = {term: _NUMBER_WEIGHT if term in numbers else 1.0 for term in terms}
    return _Claim(weights, numbers)


def _crosses(term: str, claim_language: str) -> bool:
    """A Latin word in a Chinese claim is a name; in an English one it is English, unless it holds a digit."""
    return claim_language == "zh" or any(char.isdigit() for char in term)


def _support(claim: _Claim, terms: frozenset[str], surroundings: frozenset[str]) -> float:
    total = sum(claim.weights.values())
    held = sum(
        weight if term in terms else weight / 2
        for term, weight in claim.weights.items()
        if term in terms or term in surroundings
    )
    share = held / total
    missing = claim.numbers - terms - surroundings
    return share * _MISSING_NUMBER_FACTOR if missing else share
