"""Terms are found by where evenly spread hashes would be: also where they are not spread evenly at all."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.lexical import lookups
from indexes.lexical.live import LivePostings
from indexes.lexical.postings import Postings
from indexes.lexical.table import table_of

LAST = 2**64 - 1
spread = st.integers(0, LAST)
near = st.tuples(st.sampled_from([0, 2**63, LAST]), st.integers(-99, 99))
crowded = near.map(lambda place: min(max(sum(place), 0), LAST))
hashes = st.one_of(spread, crowded)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sets(hashes, max_size=60), min_size=1, max_size=3), st.lists(hashes, min_size=1, max_size=20))
def test_a_term_is_found_wherever_hashes_crowd(held: list[set[int]], others: list[int]) -> None:
    segments = [LivePostings(Postings.of_bags([dict.fromkeys(terms, 1)])) for terms in held]
    asked = list({*others, *(term for terms in held for term in list(terms)[:9])})
    numbers, counts = np.empty((2, len(held), len(asked)), np.int64)
    lookups.find(np.array(asked, np.uint64), table_of(list(enumerate(segments))), numbers, counts)
    for terms, own, df in zip(held, numbers.tolist(), counts.tolist(), strict=True):
        places = {term: place for place, term in enumerate(sorted(terms))}
        assert own == [places.get(term, -1) for term in asked]
        assert df == [int(term in terms) for term in asked]
