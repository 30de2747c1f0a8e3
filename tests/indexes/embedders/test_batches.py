"""Batches hold every text once, stay within their bounds, and are padded no more than they must be."""

from hypothesis import given
from hypothesis import strategies as st

from indexes.embedders.batches import by_length

counts = st.lists(st.integers(0, 600), max_size=200)


@given(counts, st.integers(1, 64), st.integers(1, 2000))
def test_every_text_is_in_one_batch_within_the_bounds(tokens: list[int], most_texts: int, most_tokens: int) -> None:
    batches = by_length(tokens, most_texts=most_texts, most_tokens=most_tokens)
    assert sorted(i for batch in batches for i in batch) == list(range(len(tokens)))
    for batch in batches:
        assert 1 <= len(batch) <= most_texts
        assert len(batch) == 1 or len(batch) * max(tokens[i] for i in batch) <= most_tokens


@given(counts, st.integers(1, 64), st.integers(1, 2000))
def test_batches_are_full_and_begin_with_the_longest(tokens: list[int], most_texts: int, most_tokens: int) -> None:
    batches = by_length(tokens, most_texts=most_texts, most_tokens=most_tokens)
    assert [tokens[i] for batch in batches for i in batch] == sorted(tokens, reverse=True)
    for batch in batches[:-1]:
        assert len(batch) == most_texts or (len(batch) + 1) * max(1, tokens[batch[0]]) > most_tokens


def test_texts_of_two_lengths_are_not_padded_at_all() -> None:
    tokens = [10, 500] * 32
    batches = by_length(tokens, most_texts=8, most_tokens=8000)
    assert sum(len(batch) * max(tokens[i] for i in batch) for batch in batches) == sum(tokens)
