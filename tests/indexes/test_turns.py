"""Threads take turns in the order in which they came, and so do searches."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress
from pathlib import Path

from indexes import hybrid
from indexes.hybrid import HybridIndex
from indexes.turns import Turns
from tests.support.index_entries import commit, found_by_words
from tests.support.waiting import wait_until


def test_no_more_work_at_once_and_nobody_overtakes() -> None:
    turns, inside, order = Turns(2), threading.Semaphore(0), []
    go_on = [threading.Event() for _ in range(6)]

    def work(number: int) -> None:
        with turns.taken():
            order.append(number)
            inside.release()
            assert go_on[number].wait(30)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(go_on))]
    for number, thread in enumerate(threads):
        thread.start()
        if number < 2:
            assert inside.acquire(timeout=30)
        else:
            wait_until(lambda waiting=number - 1: turns.waiting == waiting)
    assert order == [0, 1]
    for left, number in enumerate((1, 0, 2, 3, 4, 5), 1):
        go_on[number].set()
        threads[number].join(30)
        assert left > 4 or inside.acquire(timeout=30)  # the next one is in
    assert order == [0, 1, 2, 3, 4, 5]
    assert turns.waiting == 0
    with ExitStack() as stack:  # every place was given back
        for _ in range(2):
            stack.enter_context(turns.taken())


def test_a_failure_gives_the_place_back() -> None:
    turns = Turns(1)

    def fail_again_and_again() -> None:
        for _ in range(3):
            with suppress(LookupError), turns.taken():
                raise LookupError

    worker = threading.Thread(target=fail_again_and_again, daemon=True)
    worker.start()
    worker.join(30)
    assert not worker.is_alive()


def test_a_search_waits_for_its_turn(tmp_path: Path) -> None:
    commit(tmp_path, {1: "alpha"})
    found: list[list[int]] = []
    with HybridIndex.open(tmp_path) as index:
        search = threading.Thread(target=lambda: found.append(found_by_words(index, "alpha")))
        with ExitStack() as stack:
            for _ in range(hybrid.SEARCHES_AT_ONCE):
                stack.enter_context(hybrid.SEARCHES.taken())
            search.start()
            wait_until(lambda: hybrid.SEARCHES.waiting == 1)
            assert not found
        search.join(30)
    assert found == [[1]]
