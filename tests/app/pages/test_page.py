"""The page at `/`, used as a reader uses it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.app.pages.conftest import EVIL
from tests.support.browser import ask, choose, open_page
from tests.support.service import RunningService

pytestmark = pytest.mark.browser
LEAVE = "How many days of annual leave does a colleague in Hangzhou receive?"


def test_citation_opens_the_source_with_the_passage_marked(browser: Browser, service: RunningService) -> None:
    with open_page(browser, service.url) as page:
        choose(page)
        ask(page, LEAVE)
        marker = page.locator(".answer .mark").first
        marker.focus()
        page.keyboard.press("Enter")
        marked = page.locator("#source mark.quote")
        expect(marked.first).to_be_in_viewport()
        assert "fifteen days of annual leave a year" in "".join(marked.all_text_contents())
        assert "😀" not in marked.first.text_content()
        page.keyboard.press("Escape")
        expect(page.locator("#source")).to_be_hidden()
        expect(marker).to_be_focused()


def test_source_stands_beside_the_answer_where_there_is_room(browser: Browser, service: RunningService) -> None:
    with open_page(browser, service.url) as page:
        choose(page)
        ask(page, LEAVE)
        marker = page.locator(".answer .mark").first
        for opener in (marker, page.locator(".source").first):
            opener.click()  # the second click reaches it because nothing lies above the conversation
            expect(page.locator("#source mark.quote").first).to_be_in_viewport()
            expect(opener).to_have_attribute("aria-current", "true")
        answer, panel = page.locator(".answer").bounding_box(), page.locator("#source").bounding_box()
        assert answer
        assert panel
        assert answer["x"] + answer["width"] <= panel["x"]
        page.keyboard.press("Escape")
        expect(page.locator(".source").first).to_be_focused()
        marker.click()
        page.set_viewport_size({"width": 500, "height": 800})
        expect(page.locator("#source")).to_be_hidden()
        marker.click()
        assert page.locator("#source").evaluate("dialog => dialog.matches(':modal')")


def test_original_file_is_one_click_away(browser: Browser, service: RunningService) -> None:
    with open_page(browser, service.url) as page:
        choose(page)
        ask(page, LEAVE)
        page.locator(".source").first.click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Original file").click()
        assert download.value.suggested_filename == "leave.md"
        assert "fifteen days" in Path(download.value.path()).read_text(encoding="utf-8")


def test_markup_in_titles_and_texts_is_shown_as_text(browser: Browser, service: RunningService) -> None:
    with open_page(browser, service.url) as page:  # which fails if a script of theirs opens a dialog
        choose(page)
        ask(page, "What does the zanzibar protocol say to visitors?")
        expect(page.locator(".source-title").first).to_have_text(EVIL)
        page.locator(".source").first.click()
        expect(page.locator("#source-title")).to_have_text(EVIL)
        expect(page.locator("#source .document")).to_contain_text("<script>")
        assert page.locator("#source a[href]").count() == 0
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Documents").click()
        expect(page.locator(".document-title", has_text=EVIL)).to_be_visible()


def test_refusal_is_shown_as_one(browser: Browser, service: RunningService) -> None:
    with open_page(browser, service.url) as page:
        choose(page, "empty")
        ask(page, LEAVE, state="refused")
        expect(page.locator(".turn-notice")).to_have_text(
            "There are no documents here that could answer this question."
        )


def test_next_question_is_asked_in_context_until_a_new_conversation(
    browser: Browser, service: RunningService
) -> None:
    with open_page(browser, service.url) as page:
        asked: list[dict[str, object]] = []
        page.on(
            "request", lambda request: request.url.endswith("/v1/answers") and asked.append(request.post_data_json)
        )
        choose(page)
        ask(page, LEAVE)
        page.reload()
        expect(page.locator(".question")).to_have_text(LEAVE)
        page.locator("#question").fill("And in Berlin, the hotel?")
        page.keyboard.press("Enter")
        expect(page.locator(".turn")).to_have_count(2)
        expect(page.locator(".turn:last-child .turn-actions button").first).to_be_visible()
        page.get_by_role("button", name="New conversation").click()
        expect(page.locator(".turn")).to_have_count(0)
        ask(page, LEAVE)
    assert "conversation_id" not in asked[0]
    assert asked[1]["conversation_id"]
    assert "conversation_id" not in asked[2]


def test_answer_is_copied_with_its_sources(browser: Browser, service: RunningService) -> None:
    with open_page(browser, service.url, permissions=["clipboard-read", "clipboard-write"]) as page:
        choose(page)
        ask(page, LEAVE)
        page.get_by_role("button", name="Copy with sources").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert "fifteen days" in copied
        assert "\n[1] Leave policy" in copied


def test_feedback_reaches_the_service(browser: Browser, service: RunningService) -> None:
    with open_page(browser, service.url) as page:
        choose(page)
        ask(page, LEAVE)
        with page.expect_response("**/feedback") as first:
            page.get_by_role("button", name="Bad answer").click()
        page.get_by_role("textbox", name="What was wrong?").fill("Too short")
        with page.expect_response("**/feedback") as second:
            page.keyboard.press("Enter")
        assert (first.value.status, second.value.status) == (204, 204)


def test_uploaded_file_can_be_asked_a_moment_later(browser: Browser, service: RunningService) -> None:
    service.create_collection("uploads")
    with open_page(browser, service.url) as page:
        choose(page, "uploads")
        page.get_by_role("link", name="Add documents").click()
        canteen = {
            "name": "canteen.txt",
            "mimeType": "text/plain",
            "buffer": b"The canteen opens at a quarter past eleven.",
        }
        empty = {"name": "nothing.pdf", "mimeType": "application/pdf", "buffer": b""}
        page.locator("#files").set_input_files([canteen, empty])
        expect(page.locator(".upload")).to_have_attribute("data-state", "partial")
        expect(page.locator(".failures")).to_contain_text("nothing.pdf")
        expect(page.locator(".document-row[data-state=ready]")).to_contain_text("canteen")
        expect(page.locator(".document-row[data-state=failed] .document-error")).not_to_be_empty()
        page.get_by_role("link", name="Ask", exact=True).click()
        ask(page, "When does the canteen open?")
        expect(page.locator(".answer")).to_contain_text("quarter past eleven")


def test_files_fed_elsewhere_are_seen_on_their_way(browser: Browser, service: RunningService) -> None:
    service.create_collection("fed")
    service.workers.pop().terminate()
    with service.client() as client:
        client.post("/v1/collections/fed/documents", files=[("files", ("rules.txt", b"No umbrellas indoors."))])
    with open_page(browser, service.url) as page:
        choose(page, "fed")
        expect(page.locator(".welcome-text")).to_contain_text("is being read")
        page.get_by_role("link", name="Documents").click()
        expect(page.locator(".upload progress")).to_be_visible()
        service.start_worker()
        expect(page.locator(".upload")).to_have_attribute("data-state", "succeeded")
        page.get_by_role("link", name="Ask", exact=True).click()
        expect(page.locator(".welcome-text")).to_contain_text("the one document of")


def test_reader_is_told_in_chinese_why_a_file_failed(browser: Browser, service: RunningService) -> None:
    service.create_collection("broken")
    with open_page(browser, f"{service.url}/#documents", locale="zh-CN") as page:
        choose(page, "broken")
        page.locator("#files").set_input_files({"name": "a.pdf", "mimeType": "application/pdf", "buffer": b""})
        expect(page.locator(".upload")).to_have_attribute("data-state", "failed")
        expect(page.locator(".failures")).to_have_text("文件是空的。请检查是否完整保存后再上传。")
        expect(page.locator(".document-error")).to_contain_text("文件是空的")


def test_document_is_deleted_only_after_a_question(browser: Browser, service: RunningService) -> None:
    service.create_collection("shelf")
    service.put("shelf", "old.txt", b"An old rule about umbrellas.")
    with open_page(browser, f"{service.url}/#documents") as page:
        choose(page, "shelf")
        page.get_by_role("button", name="Delete old").click()
        page.get_by_role("button", name="Cancel").click()
        assert service.search("shelf", "umbrellas")
        page.get_by_role("button", name="Delete old").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        expect(page.locator(".documents")).to_contain_text("No documents yet")
        assert service.search("shelf", "umbrellas") == []


def test_failed_call_says_so_and_can_be_tried_again(browser: Browser, service: RunningService) -> None:
    with open_page(browser, service.url) as page:
        choose(page)

        def cut(route: Route) -> None:
            route.abort()

        page.route("**/v1/answers", cut)
        ask(page, LEAVE, state="failed")
        expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached")
        page.unroute("**/v1/answers", cut)
        page.get_by_role("button", name="Try again").click()
        page.locator(".turn[data-state=done]").wait_for()


def test_reader_elsewhere_is_asked_for_a_key(browser: Browser, service: RunningService) -> None:
    with open_page(browser, service.url, extra_http_headers={"X-Forwarded-For": "10.0.0.7"}) as page:
        dialog = page.get_by_role("dialog")
        for key in ("rs_wrong", service.admin_key):
            dialog.locator("input").fill(key)
            page.keyboard.press("Enter")
            if key == "rs_wrong":
                expect(dialog).to_contain_text("That key is not valid")
        choose(page)
        ask(page, LEAVE)
        assert (
            page.evaluate("[localStorage, document.cookie].map(JSON.stringify).join()").find(service.admin_key) < 0
        )


def test_new_line_with_shift_and_none_lost_to_an_input_method(browser: Browser, service: RunningService) -> None:
    with open_page(browser, service.url) as page:
        choose(page)
        page.locator("#question").press_sequentially("one")
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("two")
        page.locator("#question").dispatch_event("keydown", {"key": "Enter", "isComposing": True})
        assert page.locator("#question").input_value() == "one\ntwo"
        assert page.locator(".turn").count() == 0


def test_language_and_theme_are_the_readers_choice(browser: Browser, service: RunningService) -> None:
    with open_page(browser, service.url, locale="zh-CN", dark=True) as page:
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        expect(page.get_by_role("heading", name="向你的文档提问")).to_be_visible()
        choose(page)
        ask(page, "病假期间工资按多少发放？")
        expect(page.locator(".turn-sources")).to_contain_text("出处")
        paper = "getComputedStyle(document.documentElement).backgroundColor"
        dark = page.evaluate(paper)
        page.locator("#language").click()
        expect(page.locator(".turn-sources")).to_contain_text("Sources")
        page.locator("#theme").click()
        assert page.evaluate(paper) != dark
        page.reload()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        assert page.evaluate(paper) != dark
