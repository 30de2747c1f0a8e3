"""`ragstone backfill`: every vector that an index will ask for, made ahead by a Ray cluster."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.database import Database
from core.errors import InvalidInput, MissingExtra, NotFound, RagstoneError, Unavailable
from core.models import Chunk, Collection, Generation
from core.settings import Settings
from indexes.backfill.actor import Range, RangeEmbedder

INSTALL = "make run EXTRAS=ray"
# What one actor has in memory at once, and what a killed one does again at most is a piece of it.
_CHUNKS_AT_ONCE = 256
# Only counts travel between the machines.
_OBJECT_STORE_BYTES = 128 * 2**20
_MOST_BLOCKS = 4096


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where to run: address of a Ray cluster, empty for one on this machine; what each of its actors takes."""

    workers: int = 1
    address: str = ""
    cpus: float = 1.0
    gpus: float = 0.0


@dataclass(frozen=True, slots=True)
class Backfilled:
    """texts: different ones in the ranges looked at; embedded: those whose vectors were not kept."""

    generations: int
    texts: int
    embedded: int


def backfill(settings: Settings, collection: str | None, cluster: Cluster) -> Backfilled:
    """Embed what active and building generations of one collection, or of all, have cut and not embedded.

    What is kept already is skipped, so that a run that was cut off goes on where it was. Raises MissingExtra,
    NotFound, InvalidInput where vectors are not kept or there is no room for them, EmbedderMismatch,
    EmbedderUnavailable, Unavailable.
    """
    if importlib.util.find_spec("ray") is None:
        raise MissingExtra(f"backfill needs Ray: run `{INSTALL}`.")
    database = Database(settings.resolved_database_url)
    try:
        database.check_schema()
        with database.read() as session:
            ranges, generations = _ranges(session, collection)
            _check_room(session, settings)
    finally:
        database.close()
    texts, embedded = _run(settings, ranges, cluster) if ranges else (0, 0)
    return Backfilled(generations, texts, embedded)


def _ranges(session: Session, collection: str | None) -> tuple[list[Range], int]:
    wanted = (
        select(Generation)
        .join(Collection, Collection.id == Generation.collection_id)
        .where(Generation.state.in_(("active", "building")))
        .order_by(Generation.id)
    )
    if collection is not None:
        if session.scalar(select(Collection.id).where(Collection.name == collection)) is None:
            raise NotFound(f"There is no collection named {collection!r}.")
        wanted = wanted.where(Collection.name == collection)
    generations = list(session.scalars(wanted))
    return [each for generation in generations for each in _ranges_of(session, generation)], len(generations)


def _ranges_of(session: Session, generation: Generation) -> Iterator[Range]:
    last = 0
    while True:
        ids = (
            select(Chunk.id)
            .where(Chunk.generation_id == generation.id, Chunk.id > last)
            .order_by(Chunk.id)
            .limit(_CHUNKS_AT_ONCE)
            .subquery()
        )
        first, last = session.execute(select(func.min(ids.c.id), func.max(ids.c.id))).one()
        if first is None:
            return
        yield Range(generation.id, first, last, generation.embedder, generation.fingerprint, generation.dimension)


def _check_room(session: Session, settings: Settings) -> None:
    texts = session.scalar(select(func.count(func.distinct(Chunk.content_hash)))) or 0
    if texts > settings.vector_cache_size:
        raise InvalidInput(
            f"RAGSTONE_VECTOR_CACHE_SIZE is {settings.vector_cache_size:,}: the vectors of {texts:,} texts "
            "would not be kept."
        )


def _run(settings: Settings, ranges: list[Range], cluster: Cluster) -> tuple[int, int]:
    import ray  # noqa: PLC0415 - an optional part
    import ray.data  # noqa: PLC0415

    own = not cluster.address
    options: dict[str, Any] = {"address": cluster.address}
    if own:
        options = {
            "address": "local",
            # One core more than the models take: Ray Data's own tasks would wait for ever for one.
            "num_cpus": math.ceil(cluster.workers * cluster.cpus) + 1,
            "num_gpus": math.ceil(cluster.workers * cluster.gpus),
            "object_store_memory": _OBJECT_STORE_BYTES,
            "include_dashboard": False,
        }
    try:
        ray.init(log_to_driver=False, configure_logging=False, **options)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise Unavailable(f"Ray does not start: {error}") from error
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        shared = settings
        if own and not settings.embed_threads:  # several models on one machine share its cores
            shared = settings.model_copy(update={"embed_threads": max(1, (os.cpu_count() or 1) // cluster.workers)})
        places = [{"range": place} for place in range(len(ranges))]
        counted = ray.data.from_items(places, override_num_blocks=min(len(places), _MOST_BLOCKS)).map_batches(
            _Actor,
            fn_constructor_args=(shared, ranges),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=cluster.workers),
            num_cpus=cluster.cpus,
            num_gpus=cluster.gpus,
        )
        texts = embedded = 0
        for batch in counted.iter_batches(batch_size=None):
            texts += int(batch["texts"].sum())
            embedded += int(batch["embedded"].sum())
        return texts, embedded
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, RagstoneError):
            raise cause from error
        raise Unavailable(f"Ray gave up: {str(error).strip().splitlines()[-1]}") from error
    finally:
        ray.shutdown()


class _Actor:
    """`RangeEmbedder` as Ray Data calls it: rows are places in the list of ranges."""

    def __init__(self, settings: Settings, ranges: list[Range]) -> None:
        self._embedder = RangeEmbedder(settings)
        self._ranges = ranges

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[int]]:
        done = [self._embedder.embed(self._ranges[int(place)]) for place in batch["range"]]
        return {"texts": [texts for texts, _ in done], "embedded": [embedded for _, embedded in done]}
