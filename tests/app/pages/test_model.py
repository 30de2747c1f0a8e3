"""Answers of a language model as a reader sees them: one that is stopped, one that refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import ask, choose, open_page, serious_violations
from tests.support.service import RunningService, running_service
from tests.support.slow_model import SlowModel, slow_model

pytestmark = pytest.mark.browser
QUESTION = "How many days of annual leave?"


@pytest.fixture(scope="module")
def model() -> Iterator[SlowModel]:
    """A model server that writes what a test sets."""
    with slow_model("") as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, model: SlowModel) -> Iterator[RunningService]:
    """The service with that model behind it, and one document."""
    folder = tmp_path_factory.mktemp("model")
    with running_service(folder, generator="openai", llm_base_url=model.url) as running:
        running.create_collection("handbook")
        running.put("handbook", "leave.txt", b"Annual leave is fifteen days a year for every colleague.")
        yield running


def test_stopping_keeps_what_was_written_and_frees_the_model(
    browser: Browser, service: RunningService, model: SlowModel
) -> None:
    model.text = "Annual leave is fifteen days a year [1]. " + "It goes on and on. " * 500
    with open_page(browser, service.url) as page:
        choose(page)
        page.locator("#question").fill(QUESTION)
        page.keyboard.press("Enter")
        expect(page.locator(".answer")).to_contain_text("goes on")
        assert serious_violations(page) == []
        expect(page.locator("[role=log]")).to_contain_text("fifteen days a year")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".turn")).to_have_attribute("data-state", "stopped")
        expect(page.locator(".answer")).to_contain_text("fifteen days a year")
        expect(page.locator(".turn-notice")).to_contain_text("Stopped")
        expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
        expect(page.locator("#question")).to_be_focused()
    assert model.abandoned.wait(10), "the model server was left writing"


def test_refusal_of_a_model_is_shown_with_the_passages_it_read(
    browser: Browser, service: RunningService, model: SlowModel
) -> None:
    model.text = "The documents do not answer this question."
    with open_page(browser, service.url) as page:
        choose(page)
        ask(page, QUESTION, state="refused")
        expect(page.locator(".turn-notice strong")).to_have_text(model.text)
        page.get_by_text("One passage found").click()
        expect(page.locator(".source-quote")).to_contain_text("fifteen days")
        assert serious_violations(page) == []


def test_what_no_source_says_is_pointed_out(browser: Browser, service: RunningService, model: SlowModel) -> None:
    model.text = "Annual leave is fifteen days a year for every colleague [1]. Mondays are longer than Tuesdays."
    with open_page(browser, service.url) as page:
        choose(page)
        ask(page, QUESTION)
        expect(page.locator(".unsupported")).to_contain_text("Mondays are longer")
        expect(page.locator(".turn-notice")).to_contain_text("Check it before you rely on it")
    model.text = "Mondays are longer than Tuesdays."
    with open_page(browser, service.url) as page:
        choose(page)
        ask(page, QUESTION)
        expect(page.locator(".turn:last-child .turn-notice")).to_contain_text("names no source")
        assert serious_violations(page) == []
