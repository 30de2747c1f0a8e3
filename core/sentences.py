"""Where sentences begin and end in Chinese and English text, mixed as in real documents.

Rules instead of a model: a boundary must be the same today and tomorrow (citations point at ranges), cost
microseconds, and need no download. The hard part of English is the full stop, which also ends abbreviations
and stands inside numbers and addresses; the hard part of Chinese is that nothing follows a full stop.
"""

from __future__ import annotations

import re

CELL_BORDER = " | "  # as the parsers separate the cells of a row
_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_HAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# A run of end marks. ASCII marks count only by what follows them: see _ends_here.
_MARKS = re.compile(r"[。！？；｡．…!?.]+")
_FULL_WIDTH = frozenset("。！？；｡．…")
# Closing marks that belong to the sentence before them; straight quotes are decided in _after_closers.
_CLOSERS = frozenset("”’）】」』》〉〕〗｝］﹂﹄»›)]}")
# A note or citation mark set after the full stop: "in 1924.[23] Later".
_NOTE_MARKS = re.compile(r"(?:\[\d{1,4}\])+")
_OPENERS = "“‘（【「『《〈〔〖｛［«‹([{\"'"
_HAN_CHAR = re.compile(f"[{_HAN}]")
_WORD_BEFORE = re.compile(r"[^\W_][\w.'’&-]*$")
_NEXT_WORD = re.compile(r"[^\W\d_]+")
# "1.", "2.3.", "(a).", "iv." at the start of a sentence number it; they do not end it.
_ENUMERATOR = re.compile(r"[(（]?(?:\d{1,3}(?:\.\d{1,3})*|[A-Za-z]|[ivxIVX]{1,5})[)）]?")
_ACRONYM = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]")
# How far back an opening straight quote is looked for, in code points: keeps the scan linear.
_QUOTE_REACH = 500


def _words(lines: str) -> frozenset[str]:
    return frozenset(lines.split())


_NEVER_LAST = _words(
    """
    mr mrs ms mx dr prof rev hon gen col lt sgt capt cmdr gov sen rep pres st mt e.g i.e eg ie cf viz vs v resp
    incl excl approx ca esp
    """
)
_LAST_BEFORE_A_STARTER = _words(
    """
    etc inc ltd co corp llc plc bros al jr sr esq dept univ est assn ave blvd rd jan feb mar apr jun jul aug sep
    sept oct nov dec mon tue tues wed thu thurs fri sat sun ed eds ph.d a.m p.m u.s u.k
    """
)
_BEFORE_A_NUMBER = _words(
    """
    no nos fig figs eq eqs sec sect ch chap vol vols p pp art tab tel ext para ver
    """
)
_STARTERS = _words(
    """
    the a an this that these those it its he she they we you i his her their our your there here in on at for
    from with without by as if when while after before although but and or so yet however then thus what who
    which where why how all each no not one some many most any please see to do does is are was were can may
    """
)


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Return the (start, end) code-point ranges of the sentences of text, in order and without overlap.

    The ranges are trimmed of whitespace and together hold every character that is not whitespace. A line end
    always ends a sentence: parsers have already joined wrapped lines. A row of a table is one, whatever marks its
    cells hold. Closing quotes and brackets stay with the sentence that they close. Linear in the length of text.
    """
    ranges: list[tuple[int, int]] = []
    for line in _LINE.finditer(text):
        start, line_end = line.span()
        if CELL_BORDER in line[0]:
            _append_trimmed(ranges, text, start, line_end)
            continue
        for marks in _MARKS.finditer(text, start, line_end):
            if marks.start() < start:
                continue
            end = _after_closers(text, start, marks.end(), line_end)
            if end == line_end or _ends_here(text, start, marks.start(), marks.end(), end, line_end):
                _append_trimmed(ranges, text, start, end)
                start = end
        _append_trimmed(ranges, text, start, line_end)
    return ranges


def _append_trimmed(ranges: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        ranges.append((start, end))


def _after_closers(text: str, start: int, end: int, limit: int) -> int:
    """The position after the closing quotes, brackets and note marks that follow an end mark."""
    while end < limit:
        char = text[end]
        closes = (
            char in _CLOSERS
            # A straight quote closes when an odd number of them is open.
            or (char == '"' and text.count('"', max(start, end - _QUOTE_REACH), end) % 2 == 1)
            # An apostrophe is no such witness ("don't"), but a space or another mark after it is.
            or (char == "'" and (end + 1 == limit or not text[end + 1].isalnum()))
        )
        if not closes:
            break
        end += 1
    notes = _NOTE_MARKS.match(text, end, limit)
    return notes.end() if notes else end


def _ends_here(text: str, start: int, mark_start: int, mark_end: int, end: int, limit: int) -> bool:
    """Whether the marks at mark_start..mark_end, closed at end, end the sentence that began at start."""
    marks = text[mark_start:mark_end]
    following, gap, after = text[end], text[end].isspace(), end
    while after < limit and text[after].isspace():
        after += 1
    if after == limit:
        return True
    opening = text[after]
    if any(mark in _FULL_WIDTH for mark in marks):
        if following in "，、：,:;；":  # “好！”，… and “真的？”：… go on
            return False
        # An English ellipsis goes on before a small letter; a wide full stop is also a decimal point.
        return not (marks in {"…", "……"} and opening.isascii() and opening.islower()) and not (
            marks == "．" and following.isdigit()
        )
    # Without a gap it is 3.14, example.com or ?q=1, unless Chinese follows; a small letter goes on.
    if opening.islower() or not (gap or _HAN_CHAR.match(following)):
        return False
    return marks != "." or _full_stop_ends(text, start, mark_start, after, gap=gap)


def _full_stop_ends(text: str, start: int, stop: int, after: int, *, gap: bool) -> bool:
    """Whether the single full stop at stop ends the sentence; the next word begins at after."""
    if stop - start <= 16 and _ENUMERATOR.fullmatch(text[start:stop].strip()):
        return False
    word_match = _WORD_BEFORE.search(text[max(start, stop - 24) : stop])
    word = word_match.group().lower() if word_match else ""
    if not gap:
        # Directly before a Chinese character: a full stop typed on an English keyboard, or "第3.节".
        return not word[-1:].isdigit()
    if word in _NEVER_LAST:
        return False
    while text[after] in _OPENERS and after + 1 < len(text):
        after += 1
    if word in _BEFORE_A_NUMBER:
        return not text[after].isdigit()
    if word in _LAST_BEFORE_A_STARTER or (_ACRONYM.fullmatch(word) and word.isascii() and word != "i"):
        # "J. Smith" and "the U.S. Army" go on; "etc. The next" does not.
        next_word = _NEXT_WORD.match(text, after)
        return next_word is not None and len(word) > 1 and next_word.group().lower() in _STARTERS
    return True
