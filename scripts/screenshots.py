"""Take the pictures of page and widget in docs/images, from a service of its own with the example documents.

Run it after a change of how they look:  .venv-dev/bin/python -m scripts.screenshots
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.support.browser import ask, choose, chromium, open_page, other_site
from tests.support.service import ROOT, RunningService, free_port, running_service

IMAGES = ROOT / "docs" / "images"
DOCUMENTS = ROOT / "examples" / "documents"


def main() -> None:
    """Feed the examples, then take each picture."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service, chromium() as browser:
        service.create_collection("examples", title="Fernridge intranet")
        command = [sys.executable, "-m", "app.cli", "ingest", str(DOCUMENTS), "--collection", "examples"]
        subprocess.run(command, cwd=ROOT, env=service.environment, check=True)
        take_page(browser, service)
        take_widget(browser, service)


def take_page(browser: Browser, service: RunningService) -> None:
    """An answer with its citation opened beside it."""
    with open_page(browser, service.url, width=1280, height=800) as page:
        choose(page, "examples")
        ask(page, "What daily allowance do I get on a trip to Singapore?")
        page.locator(".answer .mark").first.click()
        page.locator("#source mark.quote").first.wait_for()
        page.screenshot(path=IMAGES / "page.png")


def take_widget(browser: Browser, service: RunningService) -> None:
    """The widget on the example of an intranet page, with a quote open."""
    port = free_port()
    wanted = {"name": "widget", "scopes": ["ask"], "origins": [f"http://127.0.0.1:{port}"]}
    with service.client() as client:
        key = client.post("/v1/keys", json=wanted).raise_for_status().json()["key"]
    html = (ROOT / "examples" / "widget.html").read_text(encoding="utf-8")
    html = html.replace("http://127.0.0.1:8080", service.url).replace("rs_YOUR-KEY", key)
    with other_site(html, port) as origin, open_page(browser, origin, width=1080, height=720) as page:
        page.get_by_role("button", name="Ask").click()
        ask(page, "How many days of paid holiday does a full-time colleague in Delft get?")
        page.locator(".answer .mark").first.click()
        page.locator(".quote-card").wait_for()
        page.screenshot(path=IMAGES / "widget.png")


if __name__ == "__main__":
    main()
