"""The first questions are answered before the compiled loops are loaded, and the later ones by these."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

from indexes.lexical.bm25 import VARIANTS
from indexes.lexical.compiled import CompiledBm25Search
from indexes.lexical.live import LivePostings
from indexes.lexical.postings import Postings, term_hash
from indexes.lexical.registry import OwnSearch
from indexes.loops import LOOPS

# In a process of its own: here other tests have loaded the loops.
FIRST_QUESTIONS = """
import sys
from collections import Counter
from indexes.lexical.live import LivePostings
from indexes.lexical.postings import Postings, term_hash
from indexes.lexical.registry import open_lexical_search
from indexes.loops import LOOPS

if "without" in sys.argv:
    sys.modules["numba"] = None
postings = Postings.of_bags([Counter(map(term_hash, text)) for text in ("abc", "bcd", "cde")])
search = open_lexical_search("bm25", [LivePostings(postings)])
first = search.match(["b", "d"]).top(3, None)
print(type(search.engine).__name__, "numba" in sys.modules and sys.modules["numba"] is not None)
print(LOOPS.wait())
again = search.match(["b", "d"]).top(3, None)
print(type(search.engine).__name__, [each.tolist() for each in first] == [each.tolist() for each in again])
"""


def said(*arguments: str) -> list[str]:
    command = [sys.executable, "-c", FIRST_QUESTIONS, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_first_question_does_not_wait_for_numba() -> None:
    assert said() == ["Bm25Search False", "True", "CompiledBm25Search True"]


def test_without_numba_numpy_searches_on() -> None:
    assert said("without") == ["Bm25Search False", "False", "Bm25Search True"]


def test_a_new_state_of_the_index_is_searched_by_the_loops_at_once() -> None:
    assert LOOPS.wait()
    postings = Postings.of_bags([Counter({term_hash("a"): 1})])
    search = OwnSearch([LivePostings(postings)], VARIANTS["bm25"])
    assert isinstance(search.engine, CompiledBm25Search)
    assert search.match(["a"]).top(1, None)[0].tolist() == [0]
