"""A real Chromium for the page and the widget, and what every state of them must satisfy."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_PATIENCE_MS = 60_000  # nothing waits that long but on a machine that is busy with other things
_COMMANDS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the system's Chromium; without one, fails with what to install."""
    path = next(filter(None, map(shutil.which, _COMMANDS)), None)
    assert path, "Chromium is missing: apt-get install chromium"
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(
    browser: Browser, url: str, *, width: int = 1280, height: int = 860, dark: bool = False, **context: Any
) -> Iterator[Page]:
    """Open an address in a fresh context; at the end, fails if a script of the page failed meanwhile."""
    options: dict[str, Any] = {"locale": "en-US", "reduced_motion": "reduce"} | context
    scheme: Any = "dark" if dark else "light"
    opened = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
    opened.set_default_timeout(_PATIENCE_MS)
    page = opened.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("dialog", lambda dialog: (failures.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    try:
        page.goto(url)
        yield page
        assert failures == []
    finally:
        opened.close()


def choose(page: Page, collection: str = "handbook") -> None:
    """Choose a collection on the page, as soon as it knows them."""
    expect(page.locator("#collection")).to_be_enabled()
    page.locator("#collection").select_option(collection)


def ask(page: Page, question: str, *, state: str = "done") -> None:
    """Ask on the page or in the open widget, and wait until the newest answer is in a state."""
    page.locator(".composer textarea").fill(question)
    page.keyboard.press("Enter")
    page.locator(f".turn:last-child[data-state={state}]").wait_for()


def serious_violations(page: Page) -> list[str]:
    """What axe-core finds serious or critical on the page as it is now."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in found
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def scrolls_sideways(page: Page) -> bool:
    """Whether the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@contextmanager
def other_site(html: str, port: int = 0) -> Iterator[str]:
    """Serve one page of HTML from another origin (0: on a free port); yields that origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = html.encode()
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
