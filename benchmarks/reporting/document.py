"""Writes docs/benchmarks.md, its pictures and its figures, from everything that this machine measured."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.engines.registry import ENGINES, Kind
from benchmarks.measuring.places import ROOT, peers_python
from benchmarks.measuring.store import Figures, Store, machine
from benchmarks.passages.corpus import DIMENSION
from benchmarks.reporting.goals import fastest_dense, goals
from benchmarks.reporting.pictures import pictures
from benchmarks.reporting.results import Results, of_given_terms, search_ms

_DOCS = ROOT / "docs"
_TEMPLATE = Path(__file__).with_name("document.template.md")
_MARKS = {True: "met", False: "**missed**", None: "not measured"}

Cell = Callable[[str, Figures], str]


def write_document(store: Store) -> None:
    """Write the document; nothing where nothing was measured."""
    results = Results.read(store)
    if not results.sizes and not results.cost:
        return
    drawn = pictures(results)
    folder = _DOCS / "benchmarks"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        curves = Path(temporary) / "curves.json"
        curves.write_text(json.dumps(drawn), "utf-8")
        command = [str(peers_python()), "-m", "benchmarks.reporting.charts", str(curves), str(folder)]
        subprocess.run(command, cwd=ROOT, check=True)
    (folder / "figures.json").write_text(json.dumps(_without_hits(store.all()), indent=1) + "\n", "utf-8")
    parts = {
        "machine": _machine(),
        "versions": _versions(results),
        "goals": _table(
            ["goal", "measured", ""], ([g.wanted, g.measured, _MARKS[g.holds]] for g in goals(results))
        ),
        "hybrid": _per_size(results, _hybrid, "ours", "assembled"),
        "lexical": _per_size(results, _lexical, "ours", "lexical"),
        "dense": _per_size(results, _dense, "ours", "dense"),
        "start": _per_size(results, _start, "ours", "assembled", "lexical", "dense"),
        "updates": _per_size(results, _updates, "ours", "assembled", "lexical", "dense"),
        "beside": _beside(results),
    }
    parts |= {f"picture {each['name']}": f"![{each['title']}](benchmarks/{each['name']}.svg)" for each in drawn}
    text = _TEMPLATE.read_text("utf-8")
    for name, part in parts.items():
        text = text.replace(f"{{{{ {name} }}}}", part)
    lines = [line for line in text.splitlines() if "{{ picture" not in line]  # those without figures
    (_DOCS / "benchmarks.md").write_text("\n".join(lines) + "\n", "utf-8")


def _machine() -> str:
    it = machine()
    return (
        f"{it['cores']} cores ({it['cpu']}), {it['memory_gb']} GB of memory, {it['system']}, Python {it['python']}"
    )


def _goals(results: Results) -> str:
    rows = [[goal.wanted, goal.measured, _MARKS[goal.holds]] for goal in goals(results)]
    return _table(["goal", "measured", ""], rows)


def _versions(results: Results) -> str:
    found: dict[str, str] = {}
    for sizes in results.engines.values():
        for figures in sizes.values():
            found |= figures["versions"]
    return ", ".join(f"{name} {version}" for name, version in sorted(found.items()))


def _per_size(results: Results, columns: Callable[[Results, int], Sequence[tuple[str, Cell]]], *kinds: Kind) -> str:
    """Return a table for each size: the engines of some kinds, with the columns."""
    tables = []
    for size in results.sizes:
        cells = columns(results, size)
        rows = [
            [ENGINES[name].title, *(cell(name, figures) for _, cell in cells)]
            for name, figures in results.at(size, *kinds)
        ]
        if rows:
            tables.append(_table([f"{size:,} passages", *(title for title, _ in cells)], rows))
    return "\n\n".join(tables)


def _hybrid(results: Results, size: int) -> list[tuple[str, Cell]]:
    def shown(key: str, form: str) -> Cell:
        return lambda name, figures: format(figures["modes"]["hybrid"][key], form)

    return [
        ("processor, ms a query", shown("cpu_ms", ",.2f")),
        ("queries/s, one thread", shown("one_thread_qps", ",.1f")),
        ("with 8", shown("threads_qps", ",.1f")),
        ("p50, ms", shown("p50_ms", ",.2f")),
        ("p99, ms", shown("p99_ms", ",.2f")),
        ("p99 with 8, ms", shown("threads_p99_ms", ",.1f")),
        ("memory since import, MB", lambda name, figures: _mb(figures["memory"]["since_import"])),
        ("of its own, MB", lambda name, figures: _mb(figures["memory"]["own_since_import"])),
    ]


def _lexical(results: Results, size: int) -> list[tuple[str, Cell]]:
    def shown(key: str, form: str) -> Cell:
        return lambda name, figures: format(figures["modes"]["lexical"][key], form)

    def overlap(name: str, figures: Figures) -> str:
        share = results.overlap(name, size)
        return "" if share is None else f"{share:.3f}"

    def of_terms(name: str, figures: Figures) -> str:
        return f"{search_ms(of_given_terms(figures)):.2f}"

    return [
        ("of given terms: processor, ms", of_terms),
        ("processor, ms a query", shown("cpu_ms", ",.2f")),
        ("queries/s, one thread", shown("one_thread_qps", ",.0f")),
        ("with 8", shown("threads_qps", ",.0f")),
        ("p50, ms", shown("p50_ms", ",.2f")),
        ("p99, ms", shown("p99_ms", ",.2f")),
        ("50 best: processor, ms", lambda name, figures: f"{search_ms(figures['modes']['lexical']['deep']):.2f}"),
        ("ten best as bm25s'", overlap),
    ]


def _dense(results: Results, size: int) -> list[tuple[str, Cell]]:
    chosen = fastest_dense(results, size)

    def mode(name: str, figures: Figures) -> tuple[str, Figures]:
        """Return what an engine can do at our recall, or else its best recall."""
        modes = {each: m for each, m in figures["modes"].items() if "recall_at_10" in m}
        for each, measured in modes.items():
            if chosen and measured is chosen[1]:
                return each, measured
        return max(modes.items(), key=lambda named: float(named[1]["recall_at_10"]))

    def shown(key: str, form: str) -> Cell:
        return lambda name, figures: format(mode(name, figures)[1][key], form)

    return [
        ("", lambda name, figures: mode(name, figures)[0].removeprefix("dense").removeprefix(", ")),
        ("recall@10", shown("recall_at_10", ".3f")),
        ("processor, ms a query", shown("cpu_ms", ",.2f")),
        ("queries/s, one thread", shown("one_thread_qps", ",.0f")),
        ("with 8", shown("threads_qps", ",.0f")),
        ("p50, ms", shown("p50_ms", ",.2f")),
        ("p99, ms", shown("p99_ms", ",.2f")),
        ("50 best: processor, ms", lambda name, figures: f"{search_ms(mode(name, figures)[1]['deep']):.2f}"),
    ]


def _start(results: Results, size: int) -> list[tuple[str, Cell]]:
    return [
        ("build, s", lambda name, figures: f"{figures['build_s']:,.0f}"),
        ("on disk, MB", lambda name, figures: _mb(figures["index_bytes"])),
        ("cold start, s", lambda name, figures: f"{figures['cold_start_s']:,.2f}"),
        ("without imports, s", lambda name, figures: f"{figures['open_and_first_result_s']:,.2f}"),
        ("resident then, MB", lambda name, figures: _mb(figures["memory_at_first_result"]["total"])),
        ("after all questions, MB", lambda name, figures: _mb(figures["memory"]["total"])),
        ("× the vectors", lambda name, figures: f"{figures['memory']['total'] / (4 * DIMENSION * size):.2f}"),
    ]


def _updates(results: Results, size: int) -> list[tuple[str, Cell]]:
    def seen(change: str) -> Cell:
        def cell(name: str, figures: Figures) -> str:
            measured = figures["updates"][change]
            if "cannot" in measured:
                return f"cannot: {measured['cannot']}"
            times = sorted(measured["times_s"])
            middle = times[len(times) // 2]
            return f"{1000 * middle:,.1f} ms" if middle < 1 else f"{middle:,.1f} s"

        return cell

    return [("added and found", seen("add")), ("deleted and gone", seen("delete"))]


def _beside(results: Results) -> str:
    rows = []
    for figures in results.readers.values():
        how = f"every {figures['pause_s']} s" if figures["pause_s"] else "at once"
        for when in ("alone", "beside"):
            it = figures[when]
            written = f"{figures['writer']['documents_a_second']:.1f}" if when == "beside" else "0"
            row = [f"{figures['size']:,}", how, written, f"{it['searches_a_second']:,.0f}", f"{it['p50_ms']:.1f}"]
            rows.append([*row, f"{it['p99_ms']:.1f}", f"{it['p99_to_p50']:.2f}", f"{it['worst_ms']:.0f}"])
    head = ["passages", "each of 16 asks again", "documents/s written", "searches/s", "p50, ms", "p99, ms"]
    return _table([*head, "p99 / p50", "worst, ms"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f}"


def _without_hits(named: dict[str, Figures]) -> dict[str, Figures]:
    """Return figures without the lists of what was found, which are only there to be compared."""
    kept = {}
    for name, figures in named.items():
        modes = {
            mode: {key: value for key, value in measured.items() if key != "found"}
            for mode, measured in figures.get("modes", {}).items()
        }
        kept[name] = {**figures, **({"modes": modes} if modes else {})}
    return kept
