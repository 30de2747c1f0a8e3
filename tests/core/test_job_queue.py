"""Work is a lease on a row: no item is worked on twice at once, none is lost with its worker."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.database import Database
from core.errors import Overloaded
from core.job_queue import (
    cancel_job,
    check_room,
    finish_item,
    lease_items,
    release_items,
    renew_items,
)
from core.models import Collection, Job, JobItem, Revision
from tests.support.rows import add_collection, add_job

NOW = 1_000_000.0
LEASE_S = 60.0


def make_job(database: Database, documents: int, collection: str = "a") -> str:
    with database.write() as session:
        row = session.scalars(select(Collection).where(Collection.name == collection)).one_or_none()
        row = row or add_collection(session, collection)
        return add_job(session, row, [f"{collection}{n}.txt" for n in range(documents)]).id


def lease(database: Database, owner: str, limit: int = 10, now: float = NOW) -> list[int]:
    with database.write() as session:
        return [item.item_id for item in lease_items(session, owner, LEASE_S, limit, now)]


def job(session: Session, job_id: str) -> Job:
    return session.get_one(Job, job_id)


def test_two_workers_never_lease_the_same_item(database: Database) -> None:
    make_job(database, 40)
    leased: list[int] = []

    def work(owner: str) -> None:
        while items := lease(database, owner, 3):
            leased.extend(items)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(leased).most_common(1)[0][1] == 1
    assert len(leased) == 40


def test_lease_of_a_silent_worker_goes_to_another_and_not_before(database: Database) -> None:
    make_job(database, 2)
    items = lease(database, "dead")
    assert lease(database, "other", now=NOW + LEASE_S - 1) == []
    assert lease(database, "other", now=NOW + LEASE_S + 1) == items
    with database.read() as session:
        assert {item.attempts for item in session.scalars(select(JobItem))} == {2}


def test_renewed_lease_stays_with_its_worker(database: Database) -> None:
    make_job(database, 1)
    now = time.time()
    items = lease(database, "alive", now=now - 2 * LEASE_S)
    with database.write() as session:
        renew_items(session, "alive", items, LEASE_S)
    assert lease(database, "other", now=now + 1) == []


def test_worker_that_lost_its_lease_cannot_renew_or_release_it(database: Database) -> None:
    make_job(database, 1)
    items = lease(database, "slow")
    lease(database, "other", now=NOW + LEASE_S + 1)
    with database.write() as session:
        renew_items(session, "slow", items, LEASE_S)
        release_items(session, "slow", items, attempt_counts=True)
    with database.read() as session:
        item = session.scalars(select(JobItem)).one()
        assert (item.state, item.lease_owner, item.lease_until) == ("running", "other", NOW + 2 * LEASE_S + 1)


@pytest.mark.parametrize(("counts", "attempts"), [(True, 1), (False, 0)])
def test_released_item_can_be_leased_at_once(database: Database, counts: bool, attempts: int) -> None:
    make_job(database, 1)
    items = lease(database, "stopping")
    with database.write() as session:
        release_items(session, "stopping", items, attempt_counts=counts)
    with database.read() as session:
        assert session.scalars(select(JobItem)).one().attempts == attempts
    assert lease(database, "next") == items


def test_batch_is_of_one_collection_and_oldest_first(database: Database) -> None:
    make_job(database, 2, "a")
    make_job(database, 2, "b")
    with database.read() as session:
        oldest = list(session.scalars(select(JobItem.id).order_by(JobItem.id).limit(2)))
    assert lease(database, "w", 10) == oldest
    assert len(lease(database, "w", 10)) == 2


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        (["succeeded", "succeeded"], "succeeded"),
        (["succeeded", "failed"], "partial"),
        (["failed", "failed"], "failed"),
    ],
)
def test_job_ends_with_its_last_item(database: Database, ends: list[str], state: str) -> None:
    job_id = make_job(database, len(ends))
    items = lease(database, "w")
    for number, (item, end) in enumerate(zip(items, ends, strict=True)):
        with database.write() as session:
            finish_item(session, item, end, "code", "why")
        with database.read() as session:
            assert job(session, job_id).done == number + 1
            assert (job(session, job_id).finished_at is not None) == (number + 1 == len(ends))
    with database.read() as session:
        assert (job(session, job_id).state, job(session, job_id).failed) == (state, ends.count("failed"))


def test_job_whose_last_items_end_in_two_workers_at_once_ends(database: Database) -> None:
    job_id = make_job(database, 16)
    items = lease(database, "w", 100)

    def finish(some: list[int]) -> None:
        for item in some:
            with database.write() as session:
                finish_item(session, item, "succeeded")

    threads = [threading.Thread(target=finish, args=(items[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert (job(session, job_id).state, job(session, job_id).done) == ("succeeded", 16)


def test_ended_item_stays_as_it_ended(database: Database) -> None:
    make_job(database, 1)
    (item,) = lease(database, "w")
    with database.write() as session:
        finish_item(session, item, "failed", "corrupt", "It is damaged.")
        finish_item(session, item, "succeeded")
    with database.read() as session:
        row = session.get_one(JobItem, item)
        assert (row.state, row.error_code, row.error_detail) == ("failed", "corrupt", "It is damaged.")


def test_cancelled_job_leaves_nothing_to_lease_and_keeps_what_is_done(database: Database) -> None:
    job_id = make_job(database, 3)
    first, *_ = lease(database, "w", 2)
    with database.write() as session:
        finish_item(session, first, "succeeded")
    with database.write() as session:
        cancel_job(session, job(session, job_id))
        cancel_job(session, job(session, job_id))
    assert lease(database, "other", now=NOW + 10 * LEASE_S) == []
    with database.read() as session:
        assert job(session, job_id).state == "cancelled"
        states = {item.id: item.state for item in session.scalars(select(JobItem))}
        assert states.pop(first) == "succeeded"
        assert set(states.values()) == {"cancelled"}
        assert sum(revision.error_code == "cancelled" for revision in session.scalars(select(Revision))) == 2


def test_full_queue_asks_to_come_back_later(database: Database) -> None:
    make_job(database, 3)
    with database.read() as session:
        check_room(session, 4)
        with pytest.raises(Overloaded) as caught:
            check_room(session, 3)
    assert caught.value.headers == {"Retry-After": "30"}
