"""Every state of page and widget: axe-core finds nothing serious, and nothing is wider than the window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import ask, choose, open_page, other_site, scrolls_sideways, serious_violations
from tests.support.service import RunningService, free_port

pytestmark = pytest.mark.browser
LEAVE = "How many days of annual leave does a colleague in Hangzhou receive?"
# Both widths with both languages and both colour schemes, not every combination.
looks = pytest.mark.parametrize(
    ("width", "dark", "locale"),
    [(360, True, "zh-CN"), (360, False, "en-US"), (1280, False, "zh-CN"), (1280, True, "en-US")],
)


def check(page: Page, state: str) -> None:
    assert serious_violations(page) == [], state
    assert not scrolls_sideways(page), state


@looks
def test_conversation_is_accessible_and_fits(
    browser: Browser, service: RunningService, width: int, dark: bool, locale: str
) -> None:
    with open_page(browser, service.url, width=width, height=740, dark=dark, locale=locale) as page:
        choose(page, "empty")
        expect(page.locator(".welcome-text")).not_to_be_empty()
        check(page, "empty collection")
        ask(page, LEAVE, state="refused")
        check(page, "refusal")
        choose(page)
        page.locator(".welcome-text:not(:empty)").wait_for()
        check(page, "welcome")
        ask(page, "What does the zanzibar protocol say to visitors?")
        page.locator("details:not([open]) summary").click()
        page.get_by_role("button", name="Bad answer" if locale == "en-US" else "回答得不好").click()
        page.locator(".reason input").wait_for()
        check(page, "answer")
        page.locator(".answer .mark").first.click()
        page.locator("#source mark").first.wait_for()
        check(page, "source")
        page.keyboard.press("Escape")
        page.route("**/v1/answers", lambda route: route.abort())
        ask(page, LEAVE, state="failed")
        check(page, "error")


@looks
def test_documents_are_accessible_and_fit(
    browser: Browser, service: RunningService, width: int, dark: bool, locale: str
) -> None:
    with open_page(browser, f"{service.url}/#documents", width=width, height=740, dark=dark, locale=locale) as page:
        choose(page)
        empty = {"name": "a-file-with-a-rather-long-name-for-a-narrow-window.pdf", "mimeType": "application/pdf"}
        page.locator("#files").set_input_files({**empty, "buffer": b""})
        page.locator(".upload[data-state=failed]").wait_for()
        page.locator(".document-row[data-state=failed]").wait_for()
        check(page, "documents")
        page.locator(".document-row .icon-button").first.click()
        check(page, "confirmation")
        page.keyboard.press("Escape")
        page.route("**/documents*", lambda route: route.abort())
        page.locator("#files").set_input_files({**empty, "buffer": b""})
        page.get_by_role("alert").first.wait_for()
        page.locator(".documents-filter").fill("leave")
        page.locator(".documents .problem").wait_for()
        check(page, "lost connection")
    elsewhere = {"X-Forwarded-For": "10.0.0.7"}
    with open_page(
        browser, service.url, width=width, dark=dark, locale=locale, extra_http_headers=elsewhere
    ) as page:
        page.locator("#key[open]").wait_for()
        check(page, "key")


@pytest.fixture(scope="module")
def intranet(service: RunningService) -> Iterator[str]:
    """The origin of a plain page with the widget."""
    port = free_port()
    wanted = {"name": "w", "scopes": ["ask"], "origins": [f"http://127.0.0.1:{port}"]}
    with service.client() as client:
        key = client.post("/v1/keys", json=wanted).json()["key"]
    script = f'<script src="{service.url}/widget.js" data-collection="handbook" data-key="{key}"></script>'
    page = (
        '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Intranet</title>'
    )
    with other_site(f"{page}<main><h1>Intranet</h1></main>{script}</html>", port) as origin:
        yield origin


@looks
def test_widget_is_accessible_and_fits(
    browser: Browser, intranet: str, width: int, dark: bool, locale: str
) -> None:
    with open_page(browser, intranet, width=width, height=740, dark=dark) as page:
        page.locator("ragstone-widget .launcher").wait_for()
        check(page, "closed")
        page.locator("ragstone-widget .launcher").click()
        check(page, "open")
        ask(page, LEAVE)
        page.locator(".answer .mark").first.click()
        page.locator(".quote-card").wait_for()
        check(page, "answer with its citation open")
        page.route("**/v1/answers", lambda route: route.abort())
        ask(page, LEAVE, state="failed")
        check(page, "error")
