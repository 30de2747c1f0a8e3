"""What has been measured, by engine and size, as the document and its pictures read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.engines.registry import ENGINES, Kind
from benchmarks.measuring.store import Figures, Store

_K = 10


@dataclass(frozen=True, slots=True)
class Results:
    """engines: name → size → figures; the others as the benchmark of updates measured them."""

    engines: Mapping[str, Mapping[int, Figures]]
    cost: Mapping[int, Figures]
    readers: Mapping[str, Figures]
    churn: Figures | None

    @classmethod
    def read(cls, store: Store) -> Results:
        """Take everything that is there of this machine; of readers and churn, the largest collection."""
        named = store.all()
        engines: dict[str, dict[int, Figures]] = {name: {} for name in ENGINES}
        cost: dict[int, Figures] = {}
        readers: dict[str, Figures] = {}
        churns: list[Figures] = []
        for name, figures in named.items():
            if figures.get("engine") in engines:
                engines[figures["engine"]][figures["size"]] = figures
            elif name.startswith("cost-"):
                cost[figures["size"]] = figures
            elif name.startswith("readers-"):
                how = name.removeprefix("readers-").rpartition("-")[0]
                if how not in readers or readers[how]["size"] < figures["size"]:
                    readers[how] = figures
            elif name.startswith("churn-"):
                churns.append(figures)
        by_size = {name: dict(sorted(sizes.items())) for name, sizes in engines.items()}
        largest = max(churns, key=lambda figures: int(figures["passages"]), default=None)
        return cls(by_size, dict(sorted(cost.items())), readers, largest)

    @property
    def sizes(self) -> list[int]:
        """The sizes that anything was measured at, ascending."""
        return sorted({size for sizes in self.engines.values() for size in sizes})

    def at(self, size: int, *kinds: Kind) -> Iterator[tuple[str, Figures]]:
        """Yield the engines of some kinds that were measured at a size, with their figures."""
        for name, entry in ENGINES.items():
            if entry.kind in kinds and size in self.engines[name]:
                yield name, self.engines[name][size]

    def mode(self, name: str, size: int, mode: str) -> Figures | None:
        """Return what was measured of one mode of an engine."""
        found: Figures | None = self.engines[name].get(size, {}).get("modes", {}).get(mode)
        return found

    def overlap(self, name: str, size: int) -> float | None:
        """Return the share of the ten best that a lexical list has in common with bm25s', which is exact."""
        own, exact = self.mode(name, size, "lexical"), self.mode("bm25s", size, "lexical")
        if own is None or exact is None:
            return None
        pairs = list(zip(own["found"], exact["found"], strict=False))
        return sum(len(set(a) & set(b)) / _K for a, b in pairs) / len(pairs)


def of_given_terms(figures: Figures) -> Figures:
    """Return what was measured of an engine's search by words where all get the same terms."""
    found: Figures = figures["modes"].get("lexical, terms", figures["modes"]["lexical"])
    return found


def search_ms(mode: Mapping[str, Any]) -> float:
    """Return the mean milliseconds of processor that a search takes: what else the machine does adds nothing."""
    return float(mode["cpu_ms"])
