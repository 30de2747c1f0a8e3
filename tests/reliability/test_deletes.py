"""No answer holds what was deleted or replaced before it was asked for, nor two revisions of one document."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.reliability.asking import Plan
from tests.reliability.deletes import storm
from tests.reliability.history import Answer, Change, History
from tests.reliability.manuals import Seen
from tests.support.service import running_service

SEED = 20261125
QUERIES = 300  # the long run: python -m tests.reliability deletes


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_no_answer_holds_what_was_not_so(request: pytest.FixtureRequest, tmp_path: Path, database: str) -> None:
    url = "" if database == "sqlite" else request.getfixturevalue("postgres_url")
    with running_service(tmp_path / "data", database_url=url) as service:
        outcome = storm(service, Plan(QUERIES, manuals=12, threads=4, seed=SEED), changers=2, processes=1)
    assert outcome.queries == QUERIES
    assert outcome.deletes > 0
    assert outcome.switches > 0
    assert not any(outcome.faults.counts().values()), (
        f"seed {SEED}: {outcome.faults.counts()}\n{outcome.faults.first()}"
    )


def seen(*revisions: int, parts: frozenset[int] = frozenset(range(3))) -> Seen:
    return Seen(frozenset(revisions), parts)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(0.5, 0.6, (), {7: seen(1)}), ""),  # being put
        (Answer(2.5, 2.6, (7,), {7: seen(1)}), ""),  # being deleted
        (Answer(2.5, 2.6, (7,), {}), ""),
        (Answer(1.5, 1.6, (7,), {}), "missing"),
        (Answer(3.1, 3.2, (), {7: seen(1)}), "outdated"),
        (Answer(2.9, 3.2, (), {7: seen(1)}), ""),
        (Answer(3.1, 3.2, (), {7: seen(2)}), "outdated"),  # not yet asked for
        (Answer(3.5, 4.5, (7,), {7: seen(2)}), ""),
        (Answer(0.1, 9.0, (7,), {7: seen(1, 2)}), "mixed"),
        (Answer(1.5, 1.6, (7,), {7: seen(1, parts=frozenset({0, 2}))}), "half"),
        (Answer(1.5, 1.6, (), {7: seen(1, parts=frozenset({0, 2}))}), ""),
        (Answer(0, math.inf, (), {}, "503"), "failed"),
    ],
)
def test_each_fault_of_an_answer_is_seen(answer: Answer, kind: str) -> None:
    history = History([Change(7, 1, 0.0, 1.0), Change(7, None, 2.0, 3.0), Change(7, 2, 4.0, 5.0)])
    counts = history.faults_of([answer]).counts()
    assert {name for name, count in counts.items() if count} == ({kind} if kind else set())
