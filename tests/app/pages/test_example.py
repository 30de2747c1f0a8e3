"""examples/widget.html, followed to the letter: its key, its port, its page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import ask, open_page, other_site
from tests.support.service import ROOT, RunningService, free_port

pytestmark = pytest.mark.browser
PAGE = Path(ROOT, "examples", "widget.html").read_text(encoding="utf-8")


def test_example_of_the_widget_works_as_its_comment_says(browser: Browser, service: RunningService) -> None:
    service.create_collection("examples")
    service.put("examples", "travel.txt", b"A hotel night in Berlin is reimbursed up to 165 euros.")
    port = free_port()
    command = re.search(r"\.venv/bin/ragstone (keys create .*)", PAGE)
    assert command
    arguments = command[1].replace("8090", str(port)).split()
    made = subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments, "--json"],
        cwd=ROOT,
        env=service.environment,
        capture_output=True,
        check=True,
        text=True,
    )
    key = json.loads(made.stdout)[0]["key"]
    html = PAGE.replace("http://127.0.0.1:8080", service.url).replace("rs_YOUR-KEY", key)
    with other_site(html, port) as origin:
        assert origin == f"http://127.0.0.1:{port}"
        with open_page(browser, origin) as page:
            page.get_by_role("button", name="Ask").click()
            ask(page, "What may a hotel in Berlin cost?")
            expect(page.locator(".answer")).to_contain_text("165 euros")
        with open_page(browser, origin.replace("127.0.0.1", "localhost")) as page:
            page.get_by_role("button", name="Ask").click()
            ask(page, "What may a hotel in Berlin cost?", state="failed")
            expect(page.get_by_role("alert")).to_contain_text(
                f"may not be used from pages of http://localhost:{port}"
            )
