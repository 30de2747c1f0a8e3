"""The model server's events arrive whole, however the network cuts them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answering.event_stream import EventStreamDecoder, EventTooLong

ENDS = st.sampled_from(["\n", "\r\n", "\r"])
TEXT = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=30)


def decode(body: bytes, cuts: list[int]) -> list[str]:
    decoder, events, at = EventStreamDecoder(), [], 0
    for cut in [*sorted(min(c, len(body)) for c in cuts), len(body)]:
        events += decoder.feed(body[at:cut])
        at = cut
    return events + decoder.flush()


@given(st.lists(st.tuples(TEXT, ENDS, ENDS), max_size=8), st.lists(st.integers(0, 400), max_size=20), st.booleans())
def test_events_are_the_same_however_they_are_cut(
    said: list[tuple[str, str, str]], cuts: list[int], with_bom: bool
) -> None:
    # A line end of its own kind within one event: CR followed by LF would be one CRLF.
    body = "".join(f": ping{end}data: {text}{end}{end}" for text, end, _ in said)
    raw = (b"\xef\xbb\xbf" if with_bom else b"") + body.encode()
    assert decode(raw, cuts) == [text for text, _, _ in said]
    assert decode(raw, list(range(len(raw)))) == [text for text, _, _ in said]


def test_line_separators_that_models_write_do_not_cut_an_event() -> None:
    said = "one\u2028two\u2029three\x85four\x0bfive\x1csix"
    body = f"data: {json.dumps({'text': said}, ensure_ascii=False)}\n\n".encode()
    assert [json.loads(event)["text"] for event in decode(body, [])] == [said]


def test_data_lines_of_one_event_are_joined_and_other_fields_ignored() -> None:
    assert decode(b"event: x\nid: 3\ndata:a\ndata: b\ndata\n\nretry: 5\n\n", []) == ["a\nb\n"]


def test_event_without_an_end_is_dropped() -> None:
    assert decode(b"data: whole\n\ndata: half\n", []) == ["whole"]


@pytest.mark.parametrize("flood", [b"x" * 10, b"data: x\n"])
def test_endless_line_or_event_is_refused(flood: bytes) -> None:
    decoder = EventStreamDecoder(max_bytes=1000)

    def pour() -> None:
        for _ in range(10_000):
            decoder.feed(flood)

    with pytest.raises(EventTooLong):
        pour()
