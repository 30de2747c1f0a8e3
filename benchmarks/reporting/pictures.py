"""Which pictures docs/benchmarks.md has, as data for `charts`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.engines.registry import ENGINES, Kind
from benchmarks.measuring.store import Figures
from benchmarks.reporting.results import Results, of_given_terms, search_ms

Picture = dict[str, Any]
Line = dict[str, Any]
_SIZE = "passages"


def pictures(results: Results) -> list[Picture]:
    """Return the pictures that there are figures for."""
    drawn = [
        _picture(
            "hybrid",
            "Hybrid search, ten best, one thread",
            {
                "x": _SIZE,
                "y": "ms of processor a query",
                "lines": list(_by_size(results, _hybrid_ms, "ours", "assembled")),
            },
        ),
        _picture(
            "lexical",
            "Lexical search, ten best, one thread, the same terms for all",
            {
                "x": _SIZE,
                "y": "ms of processor a query",
                "lines": list(_by_size(results, _lexical_ms, "ours", "lexical")),
            },
        ),
        _dense(results),
        _picture(
            "updates",
            "One document added to an index and found",
            {
                "x": _SIZE,
                "y": "seconds",
                "lines": list(_by_size(results, _added_s, "ours", "assembled", "lexical")),
            },
        ),
        _picture(
            "cold-start",
            "From the start of a process to its first result, files not in the page cache",
            {"x": _SIZE, "y": "seconds", "lines": list(_by_size(results, _cold_s, "ours", "assembled"))},
        ),
        _cost(results),
        *_readers(results),
        _churn(results),
    ]
    return [picture for picture in drawn if picture and all(panel["lines"] for panel in picture["panels"])]


def _picture(name: str, title: str, panel: Picture) -> Picture:
    return {"name": name, "title": title, "panels": [{"log_x": True, "log_y": True, **panel}]}


def _by_size(results: Results, value: Callable[[Figures], float | None], *kinds: Kind) -> Iterator[Line]:
    for place, (name, entry) in enumerate(ENGINES.items()):
        if entry.kind not in kinds:
            continue
        points = [[size, value(figures)] for size, figures in results.engines[name].items()]
        points = [point for point in points if point[1] is not None]
        if points:
            yield {"label": entry.title, "points": points, "strong": name == "ours", "colour": place}


def _hybrid_ms(figures: Figures) -> float | None:
    return search_ms(figures["modes"]["hybrid"])


def _lexical_ms(figures: Figures) -> float | None:
    return search_ms(of_given_terms(figures))


def _cold_s(figures: Figures) -> float | None:
    return float(figures["cold_start_s"])


def _added_s(figures: Figures) -> float | None:
    times = sorted(figures["updates"]["add"]["times_s"])
    return times[len(times) // 2] if times else None


def _dense(results: Results) -> Picture:
    panels = []
    for size in results.sizes:
        lines = []
        for place, name in enumerate(("ours", "faiss-flat", "faiss-ivf")):
            modes = results.engines[name].get(size, {}).get("modes", {})
            points = [[each["recall_at_10"], search_ms(each)] for each in modes.values() if "recall_at_10" in each]
            if points:
                lines.append(
                    {"label": ENGINES[name].title, "points": points, "strong": name == "ours", "colour": place}
                )
        panels.append(
            {
                "title": f"{size:,} passages",
                "x": "recall@10",
                "y": "ms of processor a query",
                "log_y": True,
                "lines": lines,
            }
        )
    return {"name": "dense", "title": "Dense search: time against recall, one thread", "panels": panels}


def _cost(results: Results) -> Picture:
    def line(label: str, key: str, scale: float = 1.0) -> Line:
        return {"label": label, "points": [[size, each[key] * scale] for size, each in results.cost.items()]}

    feed = [[size, 1000 * figures["build_s"] / size] for size, figures in results.engines["ours"].items()]
    times = [
        {**line("one by one, with merges", "ms_per_document"), "strong": True},
        line("its commit, median", "commit_p50_ms"),
        {"label": "in commits of 2,048, with all merges", "points": feed},
    ]
    written = [line("written", "bytes_written_per_document", 1e-3)]
    return {
        "name": "cost",
        "title": "What one more document costs (embedding not counted)",
        "panels": [
            {"x": "passages in the index", "y": "ms a document", "log_x": True, "log_y": True, "lines": times}
            if results.cost
            else {"lines": []},
            {"x": "passages in the index", "y": "kB written a document", "log_x": True, "lines": written}
            if results.cost
            else {"lines": []},
        ],
    }


def _readers(results: Results) -> Iterator[Picture]:
    for name, figures in results.readers.items():
        panels = []
        for title, part in (("alone", "alone"), ("beside the writer", "beside")):
            seconds = figures[part]["by_second"]
            panels.append(
                {
                    "title": title,
                    "x": "seconds",
                    "y": "ms a query",
                    "log_y": True,
                    "lines": [
                        {"label": "p50", "points": [[each[0], each[1]] for each in seconds], "strong": True},
                        {"label": "p99", "points": [[each[0], each[2]] for each in seconds]},
                    ],
                }
            )
        how = f"each asking every {figures['pause_s']} s" if figures["pause_s"] else "each asking again at once"
        yield {
            "name": f"readers-{name}",
            "title": f"16 readers of {figures['size']:,} passages, {how}",
            "panels": panels,
        }


def _churn(results: Results) -> Picture | None:
    if results.churn is None:
        return None
    names = results.churn["columns"]
    columns = list(zip(*results.churn["samples"], strict=True))

    def line(place: int) -> Line:
        return {
            "label": names[place],
            "points": [list(pair) for pair in zip(columns[0], columns[place], strict=True)],
        }

    return {
        "name": "churn",
        "title": f"{results.churn['passages']:,} passages, each replaced {results.churn['rounds']} times",
        "panels": [
            {"x": names[0], "y": "files", "lines": [line(1)]},
            {"x": names[0], "y": "MB", "lines": [line(2), line(3), line(4)]},
        ],
    }
