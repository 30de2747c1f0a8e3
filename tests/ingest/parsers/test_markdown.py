from __future__ import annotations

import pytest

from core.types import BlockKind
from tests.support.parsing import assert_ranges_hold, outline, read, read_file, texts
from tests.support.shared_data import shared_file

DOCUMENT = """\
---
title: "值班手册"
owner: ops
---
# On-call

Answer a page within **five minutes**, see [the runbook](https://x.example/run).
Then ~~sleep~~ work.

## 步骤

1. 确认告警
2. 查看面板
   - CPU
   - 内存

| 级别 | 响应 |
| --- | --- |
| P1 | 5 分钟 |
| P2 | `30 分钟` |

```python
def page(who):
    if who:

        return "E-1042"
```

Load is $x_i * y_i$ at most.
<div><p>inner <b>html</b></p></div>
"""


def test_marks_are_gone_and_structure_is_kept() -> None:
    document = read(DOCUMENT, "oncall.md")
    assert document.title == "值班手册"
    assert document.metadata == {"owner": "ops"}
    assert list(outline(document)) == [(1, "On-call"), (2, "步骤")]
    assert "Answer a page within five minutes, see the runbook. Then sleep work." in document.text
    assert texts(document, BlockKind.LIST_ITEM) == ["1. 确认告警", "2. 查看面板", "- CPU", "- 内存"]
    assert texts(document, BlockKind.TABLE_HEADER) == ["级别 | 响应"]
    assert texts(document, BlockKind.TABLE_ROW) == ["P1 | 5 分钟", "P2 | 30 分钟"]
    assert texts(document, BlockKind.CODE) == ['def page(who):\n    if who:\n\n        return "E-1042"']
    assert "Load is $x_i * y_i$ at most." in document.text
    assert "inner html" in document.text
    assert "**" not in document.text
    assert "owner" not in document.text


@pytest.mark.parametrize("text", ["$" * 5000, "[" * 5000, "> " * 3000 + "x", "- " * 3000 + "x", "`" * 4001 + "x"])
def test_hostile_nesting_is_read_in_time(text: str) -> None:
    assert_ranges_hold(read(f"# Title\n\n{text}\n\nend.", "x.md"))


def test_nested_lists_of_both_kinds_are_read() -> None:
    document = read_file(shared_file("files", "files", "en_nested.md"))
    items = texts(document, BlockKind.LIST_ITEM)
    assert {"- abc", "- abc1234", "- First item", "- Subitem 1"} <= set(items)


def test_markdown_in_latin1_keeps_its_umlauts() -> None:
    document = read_file(shared_file("files", "files", "latin1.md"))
    assert "können" in document.text
    assert "äöüß" in document.text


def test_links_and_headings_of_a_real_page_are_read() -> None:
    document = read_file(shared_file("files", "files", "en_wiki.md"))
    assert document.title == "IBM"
    assert (2, "1910s–1950s") in list(outline(document))
    assert "](" not in document.text


def test_every_chapter_of_a_chinese_course_is_read() -> None:
    folder = shared_file("zh_tech_md", "raw")
    files = sorted(folder.rglob("*.md"))
    assert len(files) == 19
    for file in files:
        document = read_file(file)
        assert_ranges_hold(document)
        assert document.language == "zh", file
        assert "\ue000" not in document.text, file
        # Links, pictures and marks are left out; of the prose nothing is.
        assert len(document.text) > 0.5 * len(file.read_text(encoding="utf-8")), file
