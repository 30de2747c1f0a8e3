"""The long runs: `python -m tests.reliability deletes --queries 100000`."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from indexes.embedders.e5 import E5Embedder
from tests.reliability.asking import Plan
from tests.reliability.crashes import FAULTS, Crashes, Outcome
from tests.reliability.deletes import storm
from tests.reliability.place import Remembering
from tests.support.postgres import fresh_database, running_postgres
from tests.support.service import MODELS, running_service

_TOLD_EVERY = 50


def main() -> int:
    """Run what is asked for; 1 where something was wrong."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    common.add_argument("--seed", type=int, default=20261125)
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    deletes = kinds.add_parser("deletes", parents=[common], help="queries amid deletes, updates, reindexes")
    deletes.add_argument("--queries", type=int, default=100_000)
    deletes.add_argument("--minutes", type=float, default=math.inf, help="leave off after so long")
    crashes = kinds.add_parser(
        "crashes", parents=[common], help="a worker stopped or failed at each of its changes"
    )
    crashes.add_argument("--fault", choices=tuple(FAULTS), default="kill")
    crashes.add_argument("--most", type=int, default=1_000_000, help="so many changes, drawn by the seed")
    crashes.add_argument("--part", type=_part, default=slice(None), help="1/8: every eighth, from the first")
    crashes.add_argument("--minutes", type=float, default=math.inf, help="leave off after so long")
    options = parser.parse_args()
    until = time.monotonic() + options.minutes * 60
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ragstone-")))
        server = stack.enter_context(running_postgres()) if options.database == "postgresql" else ""
        print(f"{options.kind} on {options.database}, seed {options.seed}", flush=True)
        if options.kind == "crashes":
            return _crashes(folder, server, options, until)
        url = stack.enter_context(fresh_database(server)) if server else ""
        return _deletes(folder, url, options, until)


def _part(text: str) -> slice:
    """Read which part of so many is wanted, so that several machines or evenings can share the work."""
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is no part like 1/8")
    return slice(int(part) - 1, None, int(parts))


def _deletes(folder: Path, url: str, options: argparse.Namespace, until: float) -> int:
    with running_service(folder / "data", database_url=url) as service:
        outcome = storm(service, Plan(options.queries, manuals=36, threads=2, seed=options.seed, until=until))
    print("\n".join(outcome.lines()))
    print(outcome.faults.first())
    return int(any(outcome.faults.counts().values()))


def _crashes(folder: Path, server: str, options: argparse.Namespace, until: float) -> int:
    embedder = E5Embedder(MODELS)
    crashes = Crashes(folder, server, Remembering(embedder))
    fault = FAULTS[options.fault]
    chosen = slice(options.part.start, options.most, options.part.step)

    def going_on(outcome: Outcome) -> bool:
        if (tried := outcome.tried.total()) and tried % _TOLD_EVERY == 0:
            print(f"  {tried:,} tried, {outcome.queries:,} queries, wrong: {len(outcome.wrong)}", flush=True)
        return time.monotonic() < until

    outcome = crashes.run(fault, options.seed, chosen, going_on)
    embedder.close()
    print(f"{fault.name}:")
    print("\n".join(outcome.lines()))
    return int(bool(outcome.wrong))


if __name__ == "__main__":
    sys.exit(main())
