from __future__ import annotations

import pytest

from core.types import BlockKind
from tests.examples.texts import DOCUMENTS
from tests.support.parsing import assert_ranges_hold, outline, read, read_file, rejection, rows, texts
from tests.support.shared_data import shared_file

PAGE = """<!doctype html><html><head><title>Leave – Intranet</title><script>var secret = "no"</script>
<style>p { color: red }</style></head><body>
<nav><a href="/">Home</a> <a href="/hr">HR</a></nav>
<div class="sidebar"><p>Today in the canteen: soup</p></div>
<main><h1>Leave</h1><p>Twenty days
  a year.<br>Ask <em>early</em>.</p>
<ol><li>Fill in the form</li><li>Wait<ul><li>a day</li></ul></li></ol>
<table><tr><th>Years</th><th>Days</th></tr><tr><td>0–5</td><td>20</td></tr>
<tr><td colspan="2">older: ask</td></tr></table>
<pre>if x:
    y()</pre>
<p hidden>draft of a merger</p></main>
<footer>© Fernridge</footer></body></html>"""


def test_content_is_kept_and_what_surrounds_it_is_not() -> None:
    document = read(PAGE, "leave.html")
    assert document.title == "Leave"
    assert list(outline(document)) == [(1, "Leave")]
    assert "Twenty days a year.\nAsk early." in document.text
    assert texts(document, BlockKind.LIST_ITEM) == ["1. Fill in the form", "2. Wait", "- a day"]
    assert rows(document) == ["Years | Days", "0–5 | 20", "older: ask"]
    assert texts(document, BlockKind.CODE) == ["if x:\n    y()"]
    for absent in ("secret", "color", "Home", "canteen", "Fernridge", "merger"):
        assert absent not in document.text


def test_page_whose_text_is_all_in_a_menu_class_is_still_read() -> None:
    document = read("<div class='menu'><p>The whole menu of the canteen: soup and rice.</p></div>", "m.html")
    assert "soup and rice" in document.text


def test_header_of_the_page_says_its_encoding() -> None:
    page = "<html><head><meta charset='gb2312'><title>通知</title></head><body><p>放假三天</p></body></html>"
    assert read(page.encode("gb18030"), "n.html").text == "放假三天"
    latin = "<html><body><p>Küche</p></body></html>".encode("latin-1")
    assert read(latin, "k.html", "text/html; charset=iso-8859-1").text == "Küche"


def test_layout_tables_are_text_and_data_tables_are_rows() -> None:
    page = (
        "<html><body><table><tr><td><h2>Left</h2><p>One.</p></td><td>Two.</td></tr></table>"
        "<table><tr><td>名称</td><td>价格</td></tr><tr><td>网关</td><td>3980</td></tr></table></body></html>"
    )
    document = read(page, "t.html")
    assert list(outline(document)) == [(2, "Left")]
    assert texts(document, BlockKind.TABLE_HEADER) == ["名称 | 价格"]
    assert texts(document, BlockKind.TABLE_ROW) == ["网关 | 3980"]


def test_intranet_page_loses_its_navigation_and_footer() -> None:
    for path in sorted(DOCUMENTS.rglob("*.html")):
        document = read_file(path)
        for absent in ("退出 Sign out", "快速链接", "Today's menu", "请勿外传"):
            assert absent not in document.text, path


def test_large_real_page_is_read_without_its_menus() -> None:
    document = read_file(shared_file("files", "files", "en_wikipedia.html"))
    assert document.title == "Microsoft"
    assert "Founders | Bill Gates Paul Allen" in rows(document)
    assert "founded by Bill Gates and Paul Allen" in document.text
    assert (2, "History") in list(outline(document))
    for absent in ("Jump to content", "Donate", "Create account", "Privacy policy"):
        assert absent not in document.text
    assert_ranges_hold(document)


def test_utf16_page_is_read_with_its_tables() -> None:
    document = read_file(shared_file("files", "files", "utf16.html"))
    assert "C | Si | Mn | P | S | Cr | Mo" in texts(document, BlockKind.TABLE_HEADER)
    assert any(row.startswith("0.39 - 0.46 | 0.2 - 0.35") for row in rows(document))
    assert "成分" in document.text


def test_small_chinese_page_is_read() -> None:
    document = read_file(shared_file("files", "files", "zh_small.html"))
    assert [heading for _, heading in outline(document)] == ["产品指南", "使用条款"]
    assert rows(document) == ["姓名 | 年龄", "张三 | 30", "李四 | 25"]


@pytest.mark.parametrize(
    "body", ["<div>" * 8_000 + "deep", "<table>" * 3000 + "<tr><td>deep", "<ul><li>" * 5000 + "deep", "<b>" * 8_000]
)
def test_hostile_nesting_is_read_or_refused_in_time(body: str) -> None:
    assert_ranges_hold(read(f"<html><body><p>First.</p>{body}</body></html>", "deep.html"))


def test_page_without_content_says_so() -> None:
    assert rejection("<html><body><script>app()</script></body></html>", "spa.html") == "no-text"
