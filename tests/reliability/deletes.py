"""Concurrent queries while documents are deleted, updated and reindexed: what was answered, held to what was so."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace

from tests.reliability.asking import Plan, ask_in_process, ask_over_http
from tests.reliability.changing import changing
from tests.reliability.history import Faults, History
from tests.support.service import RunningService
from tests.support.stored import settings_of

_HTTP_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done in a storm, and what was wrong with its answers."""

    queries: int
    over_http: int
    puts: int
    deletes: int
    switches: int
    seconds: float
    faults: Faults

    def lines(self) -> list[str]:
        """The outcome for people."""
        return [
            f"{self.queries:,} queries, {self.over_http:,} of them over HTTP, in {self.seconds:.0f} s",
            f"meanwhile {self.puts:,} puts, {self.deletes:,} deletes, {self.switches:,} reindexes",
            *(f"  {name}: {count}" for name, count in self.faults.counts().items()),
        ]


def storm(
    service: RunningService,
    plan: Plan,
    *,
    changers: int = 3,
    processes: int = 4,
) -> Outcome:
    """Ask what is planned from several processes and over HTTP while everything changes."""
    over_http = max(int(plan.count * _HTTP_SHARE), plan.threads)
    share, rest = divmod(plan.count - over_http, processes)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, spawn) as pool, ThreadPoolExecutor(1) as aside:
        began = time.monotonic()
        with changing(service, plan.manuals, changers, plan.seed) as (feeders, rebuilder):
            asked = [
                pool.submit(
                    ask_in_process,
                    settings_of(service),
                    replace(plan, count=share + (place < rest), seed=plan.seed * 100 + place),
                )
                for place in range(processes)
            ]
            web = aside.submit(ask_over_http, service, replace(plan, count=over_http, seed=plan.seed * 100 + 99))
            answers = [answer for part in asked for answer in part.result()]
            answers_over_http = web.result()
        seconds = time.monotonic() - began
    changes = [change for feeder in feeders for change in feeder.changes]
    deletes = sum(change.revision is None for change in changes)
    answers += answers_over_http
    return Outcome(
        queries=len(answers),
        over_http=len(answers_over_http),
        puts=len(changes) - deletes,
        deletes=deletes,
        switches=rebuilder.switches,
        seconds=seconds,
        faults=History(changes).faults_of(answers),
    )
