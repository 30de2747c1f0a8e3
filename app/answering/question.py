"""What a question asks for: its content terms, the codes it names, and the kind of answer it expects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from core.language import detect_language
from indexes.analyse import analyse, fold

Expected = Literal["number", "time", "any"]

# Words that make a sentence a question. They say what kind of answer is wanted, not what it is about.
_FRAME = re.compile(
    r"请问|请|告诉我|我想知道|是不是|有没有|能不能|可不可以|会不会|是否|什么时候|什么|为什么|怎么样|怎么办|怎么|怎样|如何|"
    r"多少|多久|多长|多大|多高|多远|多快|几时|几点|几(?=[个天次年月日小分元人项种级条位台])|哪[一些个里儿年天种家位]?|何时|何地|何处|谁|"
    r"[吗呢吧啊呀]|(?i:\b(?:please|tell me|how (?:many|much|long|often|far|old|soon|do|can|should)|what kind of|"
    r"is there|are there|does|anyone|someone|something|anything)\b)"
)
_TIME = re.compile(
    r"(?i)\bwhen\b|\b(?:what|which) (?:date|day|year|month|time|week|century|decade)\b|\bdeadline\b|"
    r"什么时候|何时|几时|几点|几月|几号|哪[一]?[年天月日]|什么时间|日期|截止"
)
_NUMBER = re.compile(
    r"(?i)\bhow (?:many|much|long|often|far|old|large|big|tall|high|fast|soon|late|early)\b|"
    r"\bwhat (?:percentage|percent|number|amount|price|temperature|limit|maximum|minimum|rate|size)\b|"
    r"多少|多久|多长|多大|多高|多远|多快|几(?=[个天次年月日小分元人项种级条位台折成周])|百分之几|第几|价格|上限|下限"
)
_HAS_NUMBER = re.compile(
    r"\d|[一二两三四五六七八九十百千万半](?=[个天次年月日小分元人项种级条位台折成周倍号点])|百分之|"
    r"(?i:\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|fifty|hundred|"
    r"thousand|million|billion|half|once|twice|daily|weekly|monthly|annually|no limit|unlimited)\b)"
)
_HAS_TIME = re.compile(
    r"\d{1,4}\s*[年月日号点时]|\d{1,2}[:：]\d{2}|\b\d{4}\b|\d{1,4}[-/.]\d{1,2}|"
    r"[一二三四五六七八九十]+[月日号点]|周[一二三四五六日末]|星期|每[天周月年季日]|工作日|世纪|"
    r"(?i:\b(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|noon|midnight|[ap]\.?m\.?|days?|weeks?|months?|years?|hours?|"
    r"daily|weekly|monthly|quarter|century|before|after|during|until|end of)\b)"
)
# Error codes, part numbers, versions, identifiers: letters joined with digits, or words joined as code is.
_CODE = re.compile(
    r"(?<![A-Za-z0-9_])(?:(?=[A-Za-z_.\-/]*\d)(?=[\d_.\-/]*[A-Za-z])[A-Za-z0-9]+(?:[-_./][A-Za-z0-9]+)*"
    r"|[A-Za-z]+(?:_[A-Za-z]+)+|[a-z]+(?:[A-Z][a-z0-9]+)+)(?![A-Za-z0-9_])"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, taken apart. terms are unique, in order; codes are as written, folded."""

    text: str
    language: str
    terms: tuple[str, ...]
    codes: tuple[str, ...]
    expected: Expected


def understand(question: str) -> Asked:
    """Take a question apart."""
    folded = fold(question)
    content = _FRAME.sub(" ", folded)
    terms = tuple(dict.fromkeys(analyse(content))) or tuple(dict.fromkeys(analyse(folded)))
    expected: Expected = "time" if _TIME.search(folded) else "number" if _NUMBER.search(folded) else "any"
    codes = tuple(dict.fromkeys(match[0] for match in _CODE.finditer(folded)))
    return Asked(question, detect_language(question), terms, codes, expected)


def holds(code: str, text: str) -> bool:
    """Whether a text names a code, whatever joins its parts: E-1042, E1042 and e_1042 are one."""
    return _bare(code) in _bare(fold(text))


def has_expected(expected: Expected, text: str) -> bool:
    """Whether a text holds something of the kind that the question asks for."""
    if expected == "number":
        return _HAS_NUMBER.search(fold(text)) is not None
    if expected == "time":
        return _HAS_TIME.search(fold(text)) is not None
    return True


def _bare(text: str) -> str:
    return re.sub(r"[-_\s]", "", text).lower()
