"""A feed, replacements, deletes, merges and a reindex, stopped or failed at each change that they make outside.

Each phase begins on a copy of what the phases before it have left. A child process does the phase and is killed
before its nth change, or has its disk fail there, while a reader searches. Then database and index have to agree,
and a worker that comes after has to end the work.
"""

from __future__ import annotations

import errno
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from unittest import mock

from indexes import writer as writer_module
from tests.reliability.looking import Looks, Reader, State, reader
from tests.reliability.place import Place, Remembering
from tests.support.changes import KILL, Change, run_watched
from tests.support.service import MODELS

_CHUNKS = 32
_COUNTED = "counted"
# What a full disk refuses. The database server's disk is not ours to fail.
_GROWING = {
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "openat",
    "open",
    "mkdir",
    "mkdirat",
    "fallocate",
    "ftruncate",
}
_SYNCING = {"fsync", "fdatasync"}


@dataclass(frozen=True, slots=True)
class Phase:
    """What a server and a worker do, and what it makes of manuals: a revision each, None for a deleted one."""

    name: str
    ask: Callable[[Place], None]
    makes: Mapping[int, int | None] = field(default_factory=dict)
    merge: bool = False

    def run(self, place: Place) -> None:
        """Do all of it. Merges wait for their own phase."""
        with mock.patch.object(writer_module, "_MERGED_AT_COMMIT_ROWS", 0):
            self.ask(place)
            place.work()
            if self.merge:
                place.merge()


PHASES = (
    Phase("feed", lambda place: place.put({4: 1, 5: 1}), {4: 1, 5: 1}),
    Phase("replace", lambda place: place.put({1: 2, 4: 2}), {1: 2, 4: 2}),
    Phase("delete", lambda place: place.delete(2), {2: None}),
    Phase("merge", lambda _: None, merge=True),
    Phase("reindex", lambda place: place.reindex(_CHUNKS)),
)
_FIRST: State = {0: 1, 1: 1, 2: 1, 3: 1}


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at a change. lasting: at all later ones too, until the process ends."""

    name: str
    verdict: int
    calls: frozenset[str] | None
    lasting: bool = False

    def concerns(self, change: Change, folder: Path) -> bool:
        """Whether a change is one at which it can happen."""
        if self.calls is None:
            return True
        named = not change.file or change.file.startswith(str(folder)) or change.call in {"open", "openat"}
        return change.call in self.calls and named


FAULTS = {
    "kill": Fault("kill", KILL, None),
    "ENOSPC": Fault("ENOSPC", errno.ENOSPC, frozenset(_GROWING), lasting=True),
    "EIO": Fault("EIO", errno.EIO, frozenset(_GROWING | _SYNCING)),
}


@dataclass(frozen=True, slots=True)
class Point:
    """A change of a phase, counted among those at which the fault can happen, from 1."""

    phase: int
    number: int


@dataclass(slots=True)
class Outcome:
    """What came of it: all points that there are by phase, how many were tried, and what was wrong."""

    points: Counter[str] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    queries: int = 0
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The outcome for people."""
        return [
            *(f"  {name}: {self.tried[name]:,} of {total:,} changes" for name, total in self.points.items()),
            f"  {self.tried.total():,} of {self.points.total():,} in all, {self.queries:,} queries meanwhile",
            f"  at {', '.join(f'{call} {count:,}' for call, count in self.calls.most_common())}",
            f"  wrong: {len(self.wrong)}",
            *(f"    {line}" for line in self.wrong[:20]),
        ]


class Crashes:
    """Runs the phases with faults. folder: for the places; server_url: of a PostgreSQL, empty for SQLite."""

    def __init__(self, folder: Path, server_url: str, embedder: Remembering) -> None:
        self._states: list[State] = [_FIRST]
        place = Place(folder / "p0", server_url, embedder).made()
        (place.folder / "models").symlink_to(MODELS)
        place.pool().reference(embedder)  # so that the folder of the models holds what the reader reads there
        place.create_collection()
        for manual in _FIRST:  # a commit and a segment for each, so that there is something to merge
            Phase("first", lambda place, manual=manual: place.put({manual: 1})).run(place)
        self._bases = [place]
        for number, phase in enumerate(PHASES, 1):
            place = place.copied(f"p{number}")
            phase.run(place)
            after = {**self._states[-1], **phase.makes}
            self._states.append({manual: made for manual, made in after.items() if made is not None})
            self._bases.append(place)
        self._embedder = embedder
        self._made: list[Sequence[Change]] = []

    def run(
        self, fault: Fault, seed: int, chosen: slice, going_on: Callable[[Outcome], bool] = lambda _: True
    ) -> Outcome:
        """Try the chosen ones of all points, in the seed's order, for as long as going_on says so."""
        outcome = Outcome()
        with reader(self._bases[0].settings, self._embedder) as reading:
            points = list(self._points(fault, outcome))
            random.Random(seed).shuffle(points)
            for point in points[chosen]:
                if not going_on(outcome):
                    break
                self._try(point, fault, reading, outcome)
        return outcome

    def _points(self, fault: Fault, outcome: Outcome) -> Iterator[Point]:
        for place, (phase, changes) in enumerate(zip(PHASES, self._changes(), strict=True)):
            folder = self._bases[place].folder.with_name(_COUNTED)
            count = sum(fault.concerns(change, folder) for change in changes)
            outcome.points[phase.name] = count
            yield from (Point(place, number) for number in range(1, count + 1))

    def _changes(self) -> Sequence[Sequence[Change]]:
        """The changes of each phase, in order; looked at once."""
        for phase, base in list(zip(PHASES, self._bases, strict=False))[len(self._made) :]:
            place = base.copied(_COUNTED)
            changes: list[Change] = []

            def note(change: Change, changes: list[Change] = changes) -> int:
                changes.append(change)
                return 0

            ended = run_watched(partial(phase.run, place), note)
            assert ended.exit_code == 0, f"{phase.name} fails without a fault"
            place.remove()
            self._made.append(changes)
        return self._made

    def _try(self, point: Point, fault: Fault, reading: Reader, outcome: Outcome) -> None:
        phase = PHASES[point.phase]
        place = self._bases[point.phase].copied("tried")
        at = ""
        count = 0

        def decide(change: Change) -> int:
            nonlocal at, count
            if not fault.concerns(change, place.folder):
                return 0
            count += 1
            if count == point.number:
                at = f"{change.call} {change.file.removeprefix(str(place.folder))}"
                outcome.calls[change.call] += 1
                return fault.verdict
            return fault.verdict if fault.lasting and count > point.number else 0

        wrong: list[str] = []
        with reading.reading(place):
            ended = run_watched(partial(phase.run, place), decide)
            wrong += self._check(place, reading, outcome, self._states[point.phase : point.phase + 2])
            place.let_leases_end()
            phase_left = Phase(phase.name, lambda _: None, merge=True)
            phase_left.run(place)
            wrong += self._check(place, reading, outcome, self._after(point.phase, ended.exit_code))
        place.remove()
        outcome.tried[phase.name] += 1
        outcome.wrong += [f"{fault.name} at change {point.number} of {phase.name} ({at}): {line}" for line in wrong]

    def _after(self, phase: int, exit_code: int) -> Sequence[State]:
        """What may be so once a worker has ended the work: nobody knows whether a killed request was taken in."""
        return self._states[phase + 1 :][:1] if exit_code == 0 else self._states[phase : phase + 2]

    def _check(self, place: Place, reading: Reader, outcome: Outcome, between: Sequence[State]) -> list[str]:
        findings = place.findings()
        looks: Looks = reading.look()
        outcome.queries += looks.asked
        possible = [dict(state) for state in between]
        wrong = [f"verify: {line}" for line in findings] + looks.wrong
        now = looks.states[-1] if looks.states else {}
        mixed = {manual: {state.get(manual) for state in possible} for state in possible for manual in state}
        if any(now.get(manual) not in states for manual, states in mixed.items()) or not now.keys() <= mixed.keys():
            wrong.append(f"found {now}, possible were {possible}")
        return wrong
