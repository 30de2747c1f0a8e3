"""What was done when, and what an answer may therefore hold. All times are of one clock, time.monotonic()."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.reliability.manuals import PARTS, Seen


@dataclass(frozen=True, slots=True)
class Change:
    """A manual put in a revision, or deleted (None): asked for at began, and said to be so at ended."""

    manual: int
    revision: int | None
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A query between two times. whole: manuals of which it had to find everything; failure: why it failed."""

    began: float
    ended: float
    whole: Sequence[int]
    seen: Mapping[int, Seen]
    failure: str = ""


@dataclass(slots=True)
class Faults:
    """What no answer may hold, a line for each."""

    failed: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        return {name: len(getattr(self, name)) for name in self.__slots__}

    def first(self) -> str:
        """The first of each kind, for a message."""
        return "\n".join(f"{name}: {getattr(self, name)[0]}" for name in self.__slots__ if getattr(self, name))


class History:
    """The changes of all manuals; those of one manual follow one another."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._of: dict[int, list[Change]] = {}
        for change in sorted(changes, key=lambda each: each.began):
            self._of.setdefault(change.manual, []).append(change)

    def possible(self, manual: int, began: float, ended: float) -> set[int | None]:
        """Which revisions a query between two times may see; None stands for nothing of the manual."""
        return {state for state, since, until in self._spans(manual) if since <= ended and until >= began}

    def _spans(self, manual: int) -> Iterator[tuple[int | None, float, float]]:
        """Yield each state with the time from which it may be seen, and that after which it may not."""
        changes = self._of.get(manual, [])
        untils = [*(change.ended for change in changes), math.inf]
        yield None, -math.inf, untils[0]
        for change, until in zip(changes, untils[1:], strict=True):
            yield change.revision, change.began, until

    def faults_of(self, answers: Iterable[Answer]) -> Faults:
        """Hold every answer to what was possible while it was made."""
        faults = Faults()
        for answer in answers:
            if answer.failure:
                faults.failed.append(answer.failure)
                continue
            for manual, seen in answer.seen.items():
                self._check_seen(manual, seen, answer, faults)
            for manual in answer.whole:
                if manual not in answer.seen and None not in self.possible(manual, answer.began, answer.ended):
                    faults.missing.append(self._line(manual, answer))
        return faults

    def _check_seen(self, manual: int, seen: Seen, answer: Answer, faults: Faults) -> None:
        if len(seen.revisions) > 1:
            faults.mixed.append(f"{sorted(seen.revisions)} at once, {self._line(manual, answer)}")
        if not seen.revisions <= self.possible(manual, answer.began, answer.ended):
            faults.outdated.append(f"saw {sorted(seen.revisions)}, {self._line(manual, answer)}")
        if manual in answer.whole and len(seen.parts) < PARTS:
            faults.half.append(f"parts {sorted(seen.parts)}, {self._line(manual, answer)}")

    def _line(self, manual: int, answer: Answer) -> str:
        near = [
            f"{change.revision}: {change.began:.4f}–{change.ended:.4f}"
            for change in self._of.get(manual, [])
            if change.ended > answer.began - 5 and change.began < answer.ended
        ]
        return f"manual {manual}, asked {answer.began:.4f}–{answer.ended:.4f}, changes {near[-4:]}"
