"""The page's modules in a real browser, against texts that break easy ways of doing it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from tests.support.browser import open_page
from tests.support.service import RunningService

pytestmark = pytest.mark.browser
in_browser = settings(
    max_examples=60, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
texts = st.one_of(
    st.text(st.sampled_from("a。 \u2028\u0085\r\n😀𠮷é[]1*`|#-: "), max_size=60),
    st.lists(st.sampled_from(["a | b", ":", "\n", "c | d [1]", "\n\n", "e", " | "]), max_size=20).map("".join),
)


@pytest.fixture(scope="module")
def page(browser: Browser, service: RunningService) -> Iterator[Page]:
    with open_page(browser, service.url) as opened:
        yield opened


def run(page: Page, module: str, body: str, argument: Any) -> Any:
    return page.evaluate(f"async (x) => {{ const m = await import('/static/{module}'); {body} }}", argument)


@in_browser
@given(messages=st.lists(texts, min_size=1, max_size=4), data=st.data())
def test_event_stream_survives_any_cut(page: Page, messages: list[str], data: st.DataObject) -> None:
    ending = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    lines = [
        ending.join(["event: delta", f"id: {i}", f"data: {json.dumps({'text': m}, ensure_ascii=False)}", "", ""])
        for i, m in enumerate(messages)
    ]
    stream = f": ping{ending}{ending}" + "".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    events = run(
        page, "sse.js", "const p = new m.EventParser(); return x.flatMap((piece) => p.push(piece));", pieces
    )
    assert [(e["event"], e["id"], json.loads(e["data"])["text"]) for e in events] == [
        ("delta", str(i), m) for i, m in enumerate(messages)
    ]


@in_browser
@given(text=texts, data=st.data())
def test_offsets_mean_the_same_characters_on_both_sides(page: Page, text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    body = """const o = new m.Offsets(x.text); const [a, b] = [o.units(x.start), o.units(x.end)];
        return [x.text.slice(a, b), o.points(a), o.points(b)];"""
    found = run(page, "offsets.js", body, {"text": text, "start": start, "end": end})
    assert found == [text[start:end], start, end]


@in_browser
@given(text=texts)
def test_streamed_text_ends_as_if_it_had_come_at_once(page: Page, text: str) -> None:
    body = """const draw = (steps) => {
        const e = document.createElement('div'); const r = new m.RichText(e, () => null);
        for (const step of steps) r.render(step); return e.innerHTML; };
        const steps = [...x].map((_, i) => [...x].slice(0, i + 1).join(''));
        return [draw(steps), draw([x])];"""
    streamed, at_once = run(page, "richtext.js", body, text)
    assert streamed == at_once


def test_markup_of_a_model_stays_text(page: Page) -> None:
    text = "**<b>bold</b>** <script>alert(1)</script> [click](javascript:alert(1)) ![x](http://x/y.png) [7]"
    body = """const e = document.createElement('div'); new m.RichText(e, () => null).render(x);
        return [e.textContent, e.querySelectorAll('script,a,img,b').length, e.querySelectorAll('strong').length];"""
    shown, dangerous, bold = run(page, "richtext.js", body, text)
    assert (shown, dangerous, bold) == (text.replace("**", ""), 0, 1)


def test_lists_tables_and_code_of_a_model_are_shown_as_such(page: Page) -> None:
    text = "# Limits\n- one\n- two\n\n3. three\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx = [1]\n```\nend"
    body = """const e = document.createElement('div'); new m.RichText(e, () => null).render(x);
        const kinds = ['h3', 'ul > li', 'ol[start="3"] > li', 'th', 'td', 'pre', 'p'];
        return kinds.map((kind) => e.querySelectorAll(kind).length);"""
    assert run(page, "richtext.js", body, text) == [1, 2, 1, 2, 2, 1, 1]


def test_quoted_rows_stand_below_the_names_of_their_columns(page: Page) -> None:
    text = (
        "City | Limit:\nParis | 190 [1]\nA sentence.\nCity | Limit:\nRome | 180\nCity | Limit:\nOslo | 210\na | b:"
    )
    body = """const e = document.createElement('div');
        new m.RichText(e, () => document.createElement('i')).render(x);
        const all = (kind) => [...e.querySelectorAll(kind)].map((found) => found.textContent);
        return [all('dt'), all('dd'), all('p'), all('th'), all('td')];"""
    assert run(page, "richtext.js", body, text) == [
        ["City", "Limit"],
        ["Paris", "190"],
        ["A sentence.", "a | b:"],
        ["City", "Limit"],
        ["Rome", "180", "Oslo", "210"],
    ]
