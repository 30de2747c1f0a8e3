"""The document says of a goal that was missed that it was missed."""

from pathlib import Path

from benchmarks.measuring.store import Figures, Store
from benchmarks.passages.corpus import DIMENSION
from benchmarks.reporting.goals import Goal, goals
from benchmarks.reporting.results import Results


def lexical(ms: float) -> Figures:
    return {"lexical": {"cpu_ms": ms, "found": [], "deep": {"cpu_ms": ms}}}


def dense(ms: float, recall: float) -> Figures:
    return {"cpu_ms": ms, "recall_at_10": recall, "deep": {"cpu_ms": ms}}


def measured(folder: Path, hybrid_ms: float) -> dict[str, Goal]:
    """100,000 passages: the floors take 1 ms + 2 ms, a peer that can do everything 100 ms."""
    store = Store(folder)
    cost = {"cold_start_s": 1.0, "memory": {"total": 1, "own": 1}}
    probes = {"dense, 4 probes": dense(0.2, 0.6), "dense, 8 probes": dense(2, 0.99)}
    ours = {"hybrid": {"cpu_ms": hybrid_ms}, **lexical(1.1), "dense": dense(2.5, 0.99)}
    ours["lexical, terms"] = {"cpu_ms": 0.9}
    peer = {"modes": {"hybrid": {"cpu_ms": 100}}, "updates": {"add": {}, "delete": {}}}
    unable = {
        "modes": {"hybrid": {"cpu_ms": 0.1}},
        "updates": {"add": {}, "delete": {"cannot": "rebuild"}},
    }
    for name, figures in {
        "ours": {"modes": ours, **cost},
        "bm25s": {"modes": lexical(1)},
        "faiss-ivf": {"modes": probes},
        "haystack": peer,
        "llama-index": unable,
    }.items():
        store.write(f"{name}-100000", {"engine": name, "size": 100_000, **figures})
    return {goal.wanted: goal for goal in goals(Results.read(store))}


def test_only_a_search_with_our_recall_counts_as_the_floor(tmp_path: Path) -> None:
    wanted = "100,000 passages: `hybrid` takes no more than 1.3 × the fastest raw lexical and dense search"
    slow = measured(tmp_path / "slow", hybrid_ms=4)[wanted]
    fast = measured(tmp_path / "fast", hybrid_ms=3)[wanted]
    assert (slow.holds, fast.holds) == (False, True)
    assert "8 probes" in slow.measured


def test_a_goal_that_is_missed_says_so_and_one_without_figures_too(tmp_path: Path) -> None:
    found = measured(tmp_path, hybrid_ms=21)
    lexical_search = "100,000 passages: lexical search"
    assert found[f"{lexical_search} (text given, evidence returned) faster than bm25s + numba"].holds is False
    assert found[f"{lexical_search} (terms given) faster than bm25s + numba"].holds is True
    assert found[f"{lexical_search} (terms given) faster than tantivy"].holds is None
    assert found["1,000,000 passages: under 2 s from the start of a process to its first result"].holds is None


def test_memory_is_held_to_its_goal_at_the_first_result_and_later(tmp_path: Path) -> None:
    store, vectors = Store(tmp_path), 4 * DIMENSION * 1_000_000
    memory = {"memory_at_first_result": {"total": vectors}, "memory": {"total": 2 * vectors, "own": 1}}
    store.write("ours-1000000", {"engine": "ours", "size": 1_000_000, "modes": {}, "cold_start_s": 1.0, **memory})
    held = {goal.wanted.partition(": ")[2]: goal.holds for goal in goals(Results.read(store))}
    assert held["resident memory under 1.5 × the bytes of the vectors, at the first result"] is True
    assert held["the same after every question was asked"] is False


def test_a_peer_that_cannot_delete_is_no_measure(tmp_path: Path) -> None:
    wanted = "100,000 passages: 5 × as fast as the best assembled peer that can add and delete"
    assert measured(tmp_path / "short", hybrid_ms=21)[wanted].holds is False
    assert measured(tmp_path / "met", hybrid_ms=19)[wanted].holds is True


def test_figures_of_another_machine_are_not_read_as_this_ones(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write("ours-20000", {"engine": "ours", "size": 20_000})
    path = tmp_path / "ours-20000.json"
    assert store.read("ours-20000") is not None
    path.write_text(path.read_text("utf-8").replace('"cores": ', '"cores": 9'), "utf-8")
    assert store.read("ours-20000") is None
    assert store.all() == {}
