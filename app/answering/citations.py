"""Binds an answer to its sources while it streams.

Text goes in as it comes, cut anywhere; out come the same characters (markers in one form, those without a
source left out), and for every sentence that is complete its citations, or that nothing supports it.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.answering.markers import Marker, MarkerReader
from app.answering.quotes import LEAST_SUPPORT, QuoteFinder, best_support
from core.sentences import split_sentences
from core.types import Source
from indexes.analyse import analyse

# A sentence counts as complete once this much of the next one is known: whether "etc." ends a sentence depends
# on the word that follows.
_LOOKAHEAD = 32
_LEAD_IN_ENDS = (":", "：")
_FENCE = "```"


@dataclass(frozen=True, slots=True)
class BoundText:
    """The next characters of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A claim of the answer with the words of source n that support it best.

    answer_start and answer_end are code points of the answer's text; char_start and char_end of the document's.
    """

    n: int
    answer_start: int
    answer_end: int
    source: Source
    char_start: int
    char_end: int
    quote: str
    support: float


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A sentence of the answer that no source supports, in code points of the answer's text."""

    answer_start: int
    answer_end: int


Bound = BoundText | Citation | Unsupported


@dataclass(frozen=True, slots=True)
class _Placed:
    position: int  # in the text without markers
    marker: Marker


class CitationBinder:
    """Binds one answer; feed it the text, then finish it."""

    def __init__(self, sources: Sequence[Source], *, withhold: bool = False) -> None:
        """withhold: keep back each sentence until it is complete, and leave it out if nothing supports it."""
        self._sources = sources
        self._finders = [QuoteFinder(source) for source in sources]
        self._reader = MarkerReader(len(sources))
        self._withhold = withhold
        self._plain = ""  # of the sentences that are not complete, without markers
        self._markers: list[_Placed] = []
        self._base = 0  # where they begin in the answer
        self._look_at = 0
        self._in_code = False
        self._last_claim: tuple[int, int, str] | None = None
        self._said: list[str] = []
        self.citations: list[Citation] = []
        self.unsupported: list[Unsupported] = []
        self.withheld = 0

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._said)

    @property
    def dropped_markers(self) -> int:
        """Numbers that the answer gave and no source has."""
        return self._reader.dropped

    def feed(self, text: str) -> list[Bound]:
        """Take the next piece and return what it makes certain."""
        return self._take(self._reader.feed(text), final=False)

    def finish(self) -> list[Bound]:
        """Take the end of the answer and return the rest."""
        return self._take(self._reader.finish(), final=True)

    def _take(self, pieces: Sequence[str | Marker], *, final: bool) -> list[Bound]:
        bound: list[Bound] = []
        for piece in pieces:
            if isinstance(piece, Marker):
                self._markers.append(_Placed(len(self._plain), piece))
                self._say(piece.text, bound)
                continue
            head, *lines = piece.split("\n")
            self._add(head, bound)
            for line in lines:
                self._add("\n", bound)
                self._complete(bound, whole_line=True)
                self._add(line, bound)
        self._complete(bound, whole_line=final)
        return bound

    def _add(self, text: str, bound: list[Bound]) -> None:
        self._plain += text
        self._say(text, bound)

    def _say(self, text: str, bound: list[Bound]) -> None:
        """Pass text on at once, unless its sentence must be judged first."""
        if text and not self._withhold:
            self._emit(text, bound)

    def _emit(self, text: str, bound: list[Bound]) -> None:
        self._said.append(text)
        if bound and isinstance(bound[-1], BoundText):
            bound[-1] = BoundText(bound[-1].text + text)
        else:
            bound.append(BoundText(text))

    def _complete(self, bound: list[Bound], *, whole_line: bool) -> None:
        """Judge the sentences that nothing can change any more."""
        if not whole_line and len(self._plain) < self._look_at:
            return
        while self._plain or (whole_line and self._markers):
            ranges = split_sentences(self._plain)
            if len(ranges) > 1 and (whole_line or ranges[1][0] + _LOOKAHEAD <= len(self._plain)):
                self._segment(ranges[0], ranges[1][0], bound)
                continue
            if whole_line:
                self._segment(ranges[0] if ranges else None, len(self._plain), bound)
            break
        # Looking again at every piece would cost the square of a sentence that never ends.
        self._look_at = 0 if whole_line else len(self._plain) + max(8, len(self._plain) // 4)

    def _segment(self, sentence: tuple[int, int] | None, cut: int, bound: list[Bound]) -> None:
        """Close the text up to cut, with the markers in it and directly before what follows."""
        count = bisect.bisect_right(self._markers, cut, key=lambda placed: placed.position)
        markers, self._markers = self._markers[:count], self._markers[count:]
        plain, self._plain = self._plain[:cut], self._plain[cut:]
        self._markers = [_Placed(placed.position - cut, placed.marker) for placed in self._markers]
        shown = "".join(_render(plain, markers))
        judged: list[Citation | Unsupported] = []
        if sentence is not None:
            judged = self._judge(plain, sentence, markers)
        elif markers and self._last_claim is not None:
            judged = list(self._cite(*self._last_claim, markers))  # markers on a line of their own
        if self._withhold:
            if any(isinstance(verdict, Unsupported) for verdict in judged):
                self.withheld += 1
                return
            self._emit(shown, bound)
        self._base += len(shown)
        for verdict in judged:
            if isinstance(verdict, Citation):
                self.citations.append(verdict)
            else:
                self.unsupported.append(verdict)
            bound.append(verdict)

    def _judge(
        self, plain: str, sentence: tuple[int, int], markers: Sequence[_Placed]
    ) -> list[Citation | Unsupported]:
        start, end = sentence
        claim = plain[start:end]
        if claim.startswith(_FENCE):
            self._in_code = not self._in_code
            return []
        answer_start = self._base + start + sum(len(p.marker.text) for p in markers if p.position <= start)
        answer_end = self._base + end + sum(len(p.marker.text) for p in markers if p.position < end)
        self._last_claim = (answer_start, answer_end, claim)
        cited = list(self._cite(answer_start, answer_end, claim, markers))
        if any(citation.support >= LEAST_SUPPORT for citation in cited):
            return list(cited)
        claims_nothing = claim.startswith("#") or (claim.endswith(_LEAD_IN_ENDS) and not markers)
        if self._in_code or claims_nothing or not analyse(claim):
            return list(cited)
        if not cited and best_support(claim, self._finders) >= LEAST_SUPPORT:
            return []
        return [*cited, Unsupported(answer_start, answer_end)]

    def _cite(self, start: int, end: int, claim: str, markers: Sequence[_Placed]) -> Iterator[Citation]:
        for n in dict.fromkeys(n for placed in markers for n in placed.marker.numbers):
            source = self._sources[n - 1]
            quote = self._finders[n - 1].find(claim)
            yield Citation(
                n,
                start,
                end,
                source,
                source.char_start + quote.start,
                source.char_start + quote.end,
                source.text[quote.start : quote.end],
                round(quote.support, 3),
            )


def _render(plain: str, markers: Sequence[_Placed]) -> Iterator[str]:
    position = 0
    for placed in markers:
        yield plain[position : placed.position]
        yield placed.marker.text
        position = placed.position
    yield plain[position:]
