"""What the page's and the widget's files promise a browser, over real HTTP."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.pages.language import preferred, strings
from tests.support.service import RunningService

PAGES = Path(__file__).parents[3] / "app" / "pages"


def test_page_forbids_everything_that_is_not_its_own(service: RunningService) -> None:
    with service.client(key=None) as client:
        reply = client.get("/")
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    executed = [tag for tag in re.findall(r"<script[^>]*>", reply.text) if "application/json" not in tag]
    assert executed == ['<script type="module" src="static/page.js">']
    assert not re.search(r'(src|href)="(https?:)?//', reply.text)


def test_page_loads_nothing_from_elsewhere() -> None:
    for path in PAGES.rglob("*.*"):
        if path.suffix in {".js", ".css", ".html"}:
            addresses = set(re.findall(r"https?://[\w./-]+", path.read_text(encoding="utf-8")))
            comments = {"https://html.spec.whatwg.org/multipage/server-sent-events.html"}
            examples = {"https://ragstone.example/widget.js", "http://www.w3.org/2000/svg"}
            assert addresses <= comments | examples, path


def test_only_a_browser_on_this_machine_gets_in_without_a_key(service: RunningService) -> None:
    with service.client(key=None) as client:
        assert "ragstone_page" in client.get("/").cookies
        assert client.get("/v1/collections").status_code == 200
    for headers in ({"X-Forwarded-For": "10.0.0.7"}, {"Host": "ragstone.example"}):
        with service.client(key=None) as client:
            reply = client.get("/", headers=headers)
            assert 'data-local="no"' in reply.text
            assert "ragstone_page" not in reply.cookies
            assert client.get("/v1/collections", headers=headers).status_code == 401


def test_files_are_asked_for_again_but_sent_once(service: RunningService) -> None:
    with service.client(key=None) as client:
        for path in ("/widget.js", "/static/widget-app.js", "/static/strings/zh.json", "/static/answer.css"):
            first = client.get(path)
            assert first.headers["access-control-allow-origin"] == "*"
            again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
            assert (first.status_code, again.status_code) == (200, 304)
        assert client.get("/widget.js").headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("fr,en;q=0.5,zh;q=0.7", "zh"),
        ("en-GB,zh", "en"),
        ("zh;q=0,en;q=0.1", "en"),
        ("zh;q=much", "en"),
        ("*", "en"),
    ],
)
def test_language_follows_the_browser(header: str, code: str) -> None:
    assert preferred(header) == code


def test_both_languages_say_everything() -> None:
    english, chinese = strings("en"), strings("zh")
    # Why a document was rejected the service says itself, in English.
    said_by_the_service = {key for key in chinese if key.startswith("rejected.")}
    assert {key for key in english if not key.endswith(".one")} == set(chinese) - said_by_the_service
    for key, text in chinese.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", english.get(key, ""))), key


def test_every_reason_to_reject_a_document_has_a_line_in_chinese() -> None:
    """The codes are read from the sources, so that a new one cannot be forgotten."""
    code = re.compile(r'DocumentRejected\(\s*"([\w-]+)"')
    sources = [path.read_text(encoding="utf-8") for path in (PAGES.parents[1] / "ingest").rglob("*.py")]
    codes = {found for source in sources for found in code.findall(source)}
    assert len(codes) > 5
    assert {f"rejected.{found}" for found in codes} <= set(strings("zh"))


def test_every_text_asked_for_exists() -> None:
    template = (PAGES / "templates" / "page.html").read_text(encoding="utf-8")
    keys = set(re.findall(r'data-t(?:-\w+)?="([\w.-]+)"', template))
    for path in (PAGES / "static").glob("*.js"):
        keys |= set(re.findall(r'strings\.(?:get|text|label)\((?:[^"()]|\([^()]*\))*"([\w.-]+)"', path.read_text()))
    assert len(keys) > 50
    assert keys - set(strings("en")) - {"span", "p", "strong", "summary"} == set()
