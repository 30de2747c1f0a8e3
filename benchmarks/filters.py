"""What a filter costs: from its expression to the mask over a segment's rows.

    python -m benchmarks.filters [--rows 100000 1000000] [--rounds 30] [--seed 1]

For each kind of filter: the rows it selects, and the milliseconds to select them and to mark them in a mask
(medians); beside it one pass of numpy over a column of as many codes (`codes == 3`), the least that each condition
would cost row by row. Four rows share a document, a tenth of the documents belongs to one of 50 groups. The columns
are written to a file and mapped.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.filters import AllOf, AnyOf, Exists, Field, Filter, Name, Not, OneOf, Within
from core.types import Attributes
from indexes.columns import Columns, Selection

_ROWS_A_DOCUMENT = 4
_ROWS_A_PART = 50_000
_EPOCH = 1_700_000_000.0
_DAY_S = 86_400.0


def main() -> None:
    """Run the benchmark for each number of rows and print its figures, a filter a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=30, help="of which the median is shown")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            _measure(rows, arguments.rounds, arguments.seed, Path(folder))


def _measure(rows: int, rounds: int, seed: int, folder: Path) -> None:
    random = np.random.default_rng(seed)
    parts, build_s = [], 0.0
    for start in range(0, rows, _ROWS_A_PART):
        attributes = _attributes(start, min(_ROWS_A_PART, rows - start), random)
        began = time.perf_counter()
        renumbered = np.arange(start, start + len(attributes))
        parts.append((Columns.of_rows(attributes), renumbered))
        build_s += time.perf_counter() - began
    began = time.perf_counter()
    Columns.merged(parts, rows).save(folder)
    merge_s = time.perf_counter() - began
    columns = Columns.open(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(
        f"{rows:,} rows: {1e6 * build_s / rows:.1f} us a row to build, {1e6 * merge_s / rows:.2f} us a row to"
        f" merge, {size / rows:.0f} bytes a row"
    )
    codes = random.integers(0, 10, rows, dtype=np.int32)
    scan_ms = _median_ms(lambda: codes == 3, rounds)
    print(f"  {'':<36}{'selected':>10}{'select, ms':>12}{'mark, ms':>10}   one pass of numpy: {scan_ms:.3f} ms")
    for name, select in _selections(columns, rows).items():
        selection = select()
        select_ms = _median_ms(select, rounds)
        mark_ms = _median_ms(lambda chosen=selection: _mask_of(chosen), rounds)
        print(f"  {name:<36}{selection.count:>10,}{select_ms:>12.3f}{mark_ms:>10.3f}")


def _attributes(first: int, rows: int, random: np.random.Generator) -> list[Attributes]:
    found: list[Attributes] = []
    for start in range(first, first + rows, _ROWS_A_DOCUMENT):
        number = start // _ROWS_A_DOCUMENT
        day = _EPOCH + _DAY_S * int(random.integers(0, 1000))
        made = Attributes(
            document_id=f"documents/{number}",
            lang="zh" if number % 5 == 0 else "en",
            created_at=day,
            updated_at=day + 3600 * float(random.random()),
            metadata={
                "team": f"team {int(random.integers(0, 10))}",
                "customer": f"customer {int(random.integers(0, 1000))}",
                "price": float(random.random()),
                "tags": [f"tag {int(tag)}" for tag in random.integers(0, 100, 2)],
                **({"reviewed": True} if number % 1000 == 0 else {}),
            },
            groups=[f"group {int(random.integers(0, 50))}"] if number % 10 == 0 else [],
        )
        found += [made] * min(_ROWS_A_DOCUMENT, first + rows - start)
    return found


def _selections(columns: Columns, rows: int) -> dict[str, Callable[[], Selection]]:
    team, customer = _key("team"), _key("customer")
    half = OneOf(team, tuple(f"team {n}" for n in range(5)))
    ids = [f"documents/{n}" for n in range(0, rows // _ROWS_A_DOCUMENT, max(1, rows // 4000))]
    one_customer = OneOf(customer, ("customer 7",))
    filters: dict[str, Filter] = {
        "one document": OneOf(Field(Name.DOCUMENT_ID), ("documents/77",)),
        f"{len(ids):,} documents": OneOf(Field(Name.DOCUMENT_ID), tuple(ids)),
        "equal, 0.1 %": one_customer,
        "equal, 10 %": OneOf(team, ("team 3",)),
        "in, 50 %": half,
        "language, 80 %": OneOf(Field(Name.LANG), ("en",)),
        "range of numbers, 0.1 %": Within(_key("price"), "number", gte=0.5, lt=0.501),
        "range of numbers, 50 %": Within(_key("price"), "number", gte=0.5),
        "range of dates, 1 %": Within(Field(Name.CREATED_AT), "date", gte=_EPOCH, lt=_EPOCH + 10 * _DAY_S),
        "exists, 0.1 %": Exists(_key("reviewed")),
        "not equal, 99.9 %": Not(one_customer),
        "0.1 % and 50 %": AllOf((one_customer, half)),
        "0.1 % and not 50 %": AllOf((one_customer, Not(half))),
        "50 % and 10 %": AllOf((half, OneOf(_key("tags"), tuple(f"tag {n}" for n in range(5))))),
        "0.1 % or a range of 0.1 %": AnyOf((one_customer, Within(_key("price"), "number", lt=0.001))),
    }
    selections: dict[str, Callable[[], Selection]] = {
        name: (lambda wanted=wanted: columns.select(wanted)) for name, wanted in filters.items()
    }
    selections["readable with no group"] = lambda: columns.readable(())
    selections["readable with 2 groups"] = lambda: columns.readable(("group 3", "group 4"))
    return selections


def _key(key: str) -> Field:
    return Field(Name.METADATA, key)


def _mask_of(selection: Selection) -> None:
    selection.mark(np.zeros(selection.row_count, np.bool_))


def _median_ms(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


if __name__ == "__main__":
    main()
