"""How long searches take, one after the other and side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from benchmarks.passages.corpus import Question

Search = Callable[[Question], object]
_MOST_ROUNDS = 4


def one_after_another(search: Search, questions: Sequence[Question], budget_s: float, least: int) -> list[float]:
    """Return the seconds of each search; whole rounds of the questions while the budget lasts, or what it holds."""
    times: list[float] = []
    began = time.perf_counter()
    for question in questions * _MOST_ROUNDS:
        started = time.perf_counter()
        search(question)
        ended = time.perf_counter()
        times.append(ended - started)
        if ended - began > budget_s and len(times) >= least:
            break
    return times


def side_by_side(
    search: Search, questions: Sequence[Question], threads: int, budget_s: float
) -> tuple[float, list[float]]:
    """Return the searches a second of several threads together, and the seconds of each search."""
    times: list[list[float]] = [[] for _ in range(threads)]
    start = threading.Barrier(threads + 1)
    deadline: list[float] = []

    def work(place: int) -> None:
        start.wait()
        asked = place
        while time.perf_counter() < deadline[0]:
            began = time.perf_counter()
            search(questions[asked % len(questions)])
            times[place].append(time.perf_counter() - began)
            asked += threads

    workers = [threading.Thread(target=work, args=(place,)) for place in range(threads)]
    for worker in workers:
        worker.start()
    deadline.append(time.perf_counter() + budget_s)
    began = time.perf_counter()
    start.wait()
    for worker in workers:
        worker.join()
    every = [seconds for each in times for seconds in each]
    return len(every) / (time.perf_counter() - began), every


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    return sorted(values)[round(share * (len(values) - 1))]
