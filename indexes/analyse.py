"""How text becomes the terms of the lexical index; questions and passages go the same way.

Terms are a bag: their order carries no meaning. Whoever changes what `analyse` returns changes
ANALYSER_VERSION with it, and the index asks for a reindex (docs/decisions/analyser.md).
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import cache, lru_cache
from importlib import resources
from itertools import chain, pairwise

import rjieba
import Stemmer  # type: ignore[import-not-found]  # the package has no stubs

ANALYSER_VERSION = "2"

# Lucene's English list, with the auxiliaries, pronouns and question words that questions are made of. They
# are left out on both sides: Robertson's idf, floored as rank-bm25 does it, would weigh "the" like a content word.
STOP_WORDS = frozenset(
    """a an and are as at be been but by can could did do does for from had has have he her his how i if in into
    is it its me my of on or our she should so such than that the their them then there these they this those
    to us was we were what when where which who whom whose why will with would you your""".split()  # noqa: SIM905
)
HAN_STOP_WORDS = frozenset("""的 了 是 在 和 与 吗 呢 吧 啊 也 就 都 而 及 或 之 哪 谁 什么 怎么 为什么""".split())  # noqa: SIM905

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_HAN_RUN = re.compile(f"[{_HAN}]+")
# A word, or words and numbers joined as codes, paths, versions and hyphenated words are; C++, C# and F# keep
# their tails.
_TOKEN = re.compile(rf"[^\W_{_HAN}]+(?:[-_./:+#&@'][^\W_{_HAN}]+)*(?:\+\+|#)?")
_PLAIN = re.compile(r"[A-Z]?[^\W\dA-Z_]+(?:'[a-z]{1,2})?|[A-Z]+(?:'[sS])?")
_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?![\d,])")
# HTTPServer → HTTP Server, getUserById → get User By Id, 2.4km → 2.4 km; a number keeps its points.
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|\d+(?:\.\d+)*")
_LONGEST_TERM = 64
_CACHED_TOKENS = 1 << 17
_thread = threading.local()


def analyse(text: str) -> list[str]:
    """Return the terms of a text, repeated as often as they occur, in no particular order.

    Full-width forms, accents and traditional characters are folded. English words are stemmed, and code-like
    tokens (E-1042, getUserById, v2.4.1) yield themselves and their parts. Runs of Han yield the words of
    jieba's search mode, and every two neighbouring characters, so that what is cut in one way in the question
    and in another way in the passage still meets.
    """
    folded = fold(text)
    terms = list(chain.from_iterable(map(_terms_of_token, _TOKEN.findall(folded))))
    if runs := _HAN_RUN.findall(folded):
        # Without its hidden Markov model jieba invents no words: what it does not know it cuts in characters.
        words = rjieba.cut_for_search(" ".join(runs), hmm=False)
        terms += [word for word in words if word != " " and word not in HAN_STOP_WORDS]
        pairs = (first + second for run in runs for first, second in pairwise(run))
        terms += [pair for pair in pairs if pair not in HAN_STOP_WORDS]
    return terms


def fold(text: str) -> str:
    """Give spellings that mean the same one form: NFKC, simplified Han, Latin letters without accents.

    Case is kept, because it shows where the words in getUserById begin.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_character_forms())
    if "," in text:
        text = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)
    return text


def tokens(folded: str) -> list[str]:
    """Return the tokens of a folded text that are not Han, as written."""
    return _TOKEN.findall(folded)


def stems(token: str) -> tuple[str, ...]:
    """Return the terms of a token that is not Han; none for a stop word."""
    return _terms_of_token(token)


def han_words(folded: str) -> list[str]:
    """Return the words of the runs of Han in a folded text, without overlap and without stop words."""
    words = rjieba.cut(" ".join(_HAN_RUN.findall(folded)), hmm=False)
    return [word for word in words if word != " " and word not in HAN_STOP_WORDS]


@lru_cache(_CACHED_TOKENS)
def _terms_of_token(token: str) -> tuple[str, ...]:
    """Return the terms of a token that is not Han."""
    if _PLAIN.fullmatch(token):
        return _terms_of_word(token)
    whole = token.lower()
    if whole.isdecimal():
        return (whole,)
    parts = _PART.findall(token)
    terms = [] if whole.replace("-", "").isalpha() and "-" in whole else [whole[:_LONGEST_TERM]]
    squeezed = whole.replace("-", "").replace("_", "").replace("/", "")
    if squeezed != whole and squeezed.isalnum() and not squeezed.isalpha():
        terms.append(squeezed[:_LONGEST_TERM])  # so that E-1042, E_1042 and E1042 meet
    for part in parts:
        if part[0].isdecimal():
            terms.append(part)
            if part.count(".") > 1:
                terms.append(part.rsplit(".", 1)[0])  # 2.4 finds 2.4.1
        elif len(part) > 1:
            terms += _terms_of_word(part)
    return tuple(dict.fromkeys(terms))


def _terms_of_word(word: str) -> tuple[str, ...]:
    """Return the stem of a word, or nothing for a stop word. Capitals mark the US, IT or WHO as names."""
    lower = word.lower()
    if lower in STOP_WORDS and not (len(word) > 1 and word.isupper()):
        return ()
    return (_stemmer().stemWord(lower)[:_LONGEST_TERM],)


def _stemmer() -> Stemmer.Stemmer:
    """Return this thread's Porter2 stemmer: one object must not be used by several threads."""
    stemmer: Stemmer.Stemmer | None = getattr(_thread, "stemmer", None)
    if stemmer is None:
        stemmer = _thread.stemmer = Stemmer.Stemmer("english", 0)
    return stemmer


@cache
def _character_forms() -> dict[int, str]:
    """Return what str.translate replaces: accented Latin letters, curly apostrophes, traditional characters.

    OpenCC lists the simplified forms of a character with the usual one first.
    """
    forms = {code: unicodedata.normalize("NFKD", chr(code))[0] for code in range(0xC0, 0x250)}
    forms |= {code: unicodedata.normalize("NFKD", chr(code))[0] for code in range(0x1E00, 0x1F00)}
    forms = {code: form for code, form in forms.items() if form.isascii()}
    forms |= {ord("’"): "'", ord("‘"): "'", ord("‐"): "-", ord("‑"): "-"}
    dictionary = resources.files("opencc") / "dictionary" / "TSCharacters.txt"
    for line in dictionary.read_text("utf-8").splitlines():
        traditional, _, simplified = line.partition("\t")
        forms[ord(traditional)] = simplified.split()[0]
    return forms
