"""The widget on a plain page of another origin, whose style and shortcuts are as hostile as they get."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import ask, open_page, other_site
from tests.support.service import RunningService, free_port

pytestmark = pytest.mark.browser
LEAVE = "How many days of annual leave does a colleague in Hangzhou receive?"
HOST = """<!doctype html><html lang="en" style="font-size: 50%"><title>Intranet</title><style>
* {{ color: rgb(200, 0, 0); text-transform: uppercase; letter-spacing: 9px; }}
button, textarea, dialog {{ background: rgb(255, 255, 0) !important; display: none !important; }}
button.own {{ display: block !important; }}
body > * {{ position: static !important; display: block !important; }}
</style><body style="color: #000; background: #fff"><h1>Intranet</h1><button class="own">Own</button>
<script>window.typed = ""; addEventListener("keydown", (event) => (typed += event.key));</script>
<script src="{url}/widget.js" data-collection="handbook" data-key="{key}" data-title="Ask HR"></script>
</body></html>"""


@pytest.fixture(scope="module")
def host(service: RunningService) -> Iterator[str]:
    """The origin of a page with the widget, which the widget's key allows."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    page = HOST.format(url=service.url, key=new_key(service, origin))
    with other_site(page, port) as served:
        yield served


def new_key(service: RunningService, *origins: str) -> str:
    wanted = {"name": "widget", "scopes": ["ask"], "collections": ["handbook"], "origins": origins}
    with service.client() as client:
        reply = client.post("/v1/keys", json=wanted)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["key"])


def open_widget(page: Page) -> None:
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("dialog", name="Ask HR")).to_be_visible()


def test_widget_answers_on_another_origin_with_quotes(browser: Browser, service: RunningService, host: str) -> None:
    with open_page(browser, host) as page:
        open_widget(page)
        ask(page, LEAVE)
        page.locator(".answer .mark").first.click()
        expect(page.locator(".quote-card")).to_contain_text("fifteen days of annual leave")
        expect(page.locator(".quote-card")).to_contain_text("Leave policy")
        page.locator(".answer .mark").first.click()
        expect(page.locator(".quote-card")).to_have_count(0)


def test_key_of_another_origin_is_refused_with_a_message(browser: Browser, service: RunningService) -> None:
    html = HOST.format(url=service.url, key=new_key(service, "https://intranet.example"))
    with other_site(html) as origin, open_page(browser, origin) as page:
        open_widget(page)
        ask(page, LEAVE, state="failed")
        expect(page.get_by_role("alert")).to_contain_text("Your key does not allow this")


def test_page_and_widget_leave_each_other_alone(browser: Browser, host: str) -> None:
    with open_page(browser, host) as page:
        own = "JSON.stringify({...getComputedStyle(document.querySelector('.own'))}) + Object.keys(window).length"
        page.get_by_role("button", name="Ask").wait_for()
        before = page.evaluate(own)
        open_widget(page)
        launcher = page.locator("ragstone-widget .window h2")
        style = "e => ['textTransform', 'letterSpacing', 'fontSize'].map(name => getComputedStyle(e)[name])"
        assert launcher.evaluate(style) == ["none", "normal", "17px"]
        place = page.locator("ragstone-widget .window").bounding_box()
        assert place is not None
        assert place["x"] + place["width"] > 1200
        page.keyboard.type("secret")
        assert page.evaluate("typed") == ""
        assert page.evaluate(own) == before


def test_history_lives_through_a_reload(browser: Browser, host: str) -> None:
    with open_page(browser, host) as page:
        open_widget(page)
        ask(page, LEAVE)
        page.reload()
        open_widget(page)
        expect(page.locator(".question")).to_have_text(LEAVE)
        page.get_by_role("button", name="Start over").click()
        expect(page.locator(".question")).to_have_count(0)


def test_widget_works_with_the_keyboard_alone(browser: Browser, host: str) -> None:
    with open_page(browser, host) as page:
        launcher = page.get_by_role("button", name="Ask")
        launcher.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("textbox", name="Your question")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(launcher).to_be_focused()
