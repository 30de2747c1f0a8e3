"""The chunker's promises, for any document in both languages, counted in the embedder's own tokens."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.settings import Settings
from core.types import Block, BlockKind, ChunkDraft, ParsedDocument
from indexes.embedders.e5 import E5Embedder
from ingest.chunk import ChunkerConfig, chunk
from ingest.clean import clean
from ingest.pieces import TokenCounter
from tests.examples.texts import DOCUMENTS
from tests.support.parsing import read, read_file
from tests.support.shared_data import shared_file

TABLE = {BlockKind.TABLE_HEADER, BlockKind.TABLE_ROW}
CONFIGS = st.builds(
    lambda target, more: ChunkerConfig(target, target + more), st.integers(8, 60), st.integers(0, 60)
)
SENTENCES = st.sampled_from(
    [
        *("员工每年有二十天年假，满十年后再加五天。", "E-1042 表示传感器断线！", "见第 3.2 节。", "然后呢？", "，"),
        *("Every trip needs approval. ", "Dr. Smith signed it on 3 May. ", "a" * 90 + " ", "x"),
        *("连续不断的文字没有任何标点" * 6, "𠮷" * 20),
    ]
)
PARAGRAPHS = st.lists(SENTENCES, min_size=1, max_size=8).map("".join)
ROWS = st.lists(SENTENCES, min_size=1, max_size=3).map(" | ".join)
BLOCKS = st.one_of(
    st.tuples(st.just(BlockKind.PARAGRAPH), PARAGRAPHS),
    st.tuples(st.just(BlockKind.LIST_ITEM), PARAGRAPHS.map(lambda text: f"- {text}")),
    st.tuples(
        st.just(BlockKind.CODE),
        st.lists(SENTENCES, min_size=1, max_size=6).map(lambda lines: "\n".join(map(str.strip, lines))),
    ),
    st.tuples(st.just(BlockKind.HEADING), SENTENCES),
    st.tuples(st.just(BlockKind.TABLE_HEADER), ROWS),
    st.tuples(st.just(BlockKind.TABLE_ROW), ROWS),
)


@st.composite
def documents(draw: st.DrawFn) -> ParsedDocument:
    text, blocks, page = "", [], 1
    for kind, raw in draw(st.lists(BLOCKS, min_size=1, max_size=14)):
        part = raw.strip()
        page += draw(st.integers(0, 1))
        text += "\n\n" if text else ""
        level = draw(st.integers(1, 6)) if kind is BlockKind.HEADING else 0
        blocks.append(Block(kind, len(text), len(text) + len(part), page, level))
        text += part
    return ParsedDocument(text, blocks)


@pytest.fixture(scope="module")
def count(e5: E5Embedder) -> TokenCounter:
    return e5.count_tokens


def assert_promises_hold(
    document: ParsedDocument, chunks: Sequence[ChunkDraft], config: ChunkerConfig, count: TokenCounter
) -> None:
    text = document.text
    assert [one.ordinal for one in chunks] == list(range(len(chunks)))
    for one in chunks:
        assert text[one.char_start : one.char_end] == one.text
        assert one.text == one.text.strip()
        assert one.text
        assert one.token_count == count(one.text)
        context_tokens = count(one.context) if one.context else 0
        assert one.token_count + context_tokens <= config.max_tokens or len(one.text) == 1
        assert one.context in text
    for before, after in pairwise(chunks):
        assert before.char_end <= after.char_start
    covered = "".join(one.text for one in chunks)
    assert "".join(covered.split()) == "".join(text.split())
    for block in document.blocks:
        if block.kind in TABLE and count(text[block.char_start : block.char_end]) <= config.max_tokens:
            assert_uncut(block, chunks)
    assert_pages_and_headings(document, chunks)


def assert_uncut(block: Block, chunks: Sequence[ChunkDraft]) -> None:
    starts = [one.char_start for one in chunks]
    holder = chunks[bisect_right(starts, block.char_start) - 1]
    assert holder.char_start <= block.char_start < block.char_end <= holder.char_end


def assert_pages_and_headings(document: ParsedDocument, chunks: Sequence[ChunkDraft]) -> None:
    for one in chunks:
        inside = [b for b in document.blocks if b.char_start < one.char_end and one.char_start < b.char_end]
        pages = [block.page for block in inside if block.page is not None]
        assert (one.page_from, one.page_to) == (min(pages, default=None), max(pages, default=None))
        above = {
            document.text[b.char_start : b.char_end]
            for b in document.blocks
            if b.kind is BlockKind.HEADING and b.char_start < one.char_end
        }
        assert set(one.heading_path) <= above


@given(document=documents(), config=CONFIGS)
def test_promises_hold_for_any_document(
    document: ParsedDocument, config: ChunkerConfig, count: TokenCounter
) -> None:
    chunks = chunk(document, config, count)
    assert_promises_hold(document, chunks, config, count)
    assert chunk(document, config, count) == chunks


@given(text=st.text(), config=CONFIGS)
def test_promises_hold_for_any_characters(text: str, config: ChunkerConfig, count: TokenCounter) -> None:
    whole = f"{text}!"  # cleaning refuses a document without text
    document = clean(ParsedDocument(whole, [Block(BlockKind.PARAGRAPH, 0, len(whole))]))
    assert_promises_hold(document, chunk(document, config, count), config, count)


def default_config() -> ChunkerConfig:
    settings = Settings(_env_file=None)
    return ChunkerConfig(settings.chunk_target_tokens, settings.chunk_max_tokens)


@pytest.mark.parametrize("path", sorted(p for p in DOCUMENTS.rglob("*.*") if p.is_file()), ids=lambda p: p.name)
def test_promises_hold_for_the_examples(path: Path, count: TokenCounter) -> None:
    document = read_file(path)
    assert_promises_hold(document, chunk(document, default_config(), count), default_config(), count)


def test_promises_hold_for_long_real_documents_and_chunks_are_of_a_useful_size(count: TokenCounter) -> None:
    config = default_config()
    for path in (
        shared_file("zh_tech_md", "raw", "s", "ch03.md"),
        shared_file("files", "files", "en_wikipedia.html"),
        shared_file("files", "files", "zh_quarterly_report_22p.pdf"),
    ):
        document = read_file(path)
        chunks = chunk(document, config, count)
        assert_promises_hold(document, chunks, config, count)
        mean = sum(one.token_count for one in chunks) / len(chunks)
        assert 0.5 * config.target_tokens <= mean <= 1.25 * config.target_tokens, path.name


def test_part_of_a_table_carries_the_table_header(count: TokenCounter) -> None:
    rows = [f"FR-{n:05d},零件 {n},{n * 10}" for n in range(200)]
    document = read("\n".join(["料号,名称,价格", *rows]), "parts.csv")
    chunks = chunk(document, ChunkerConfig(60, 100), count)
    assert len(chunks) > 5
    assert chunks[0].text.startswith("料号 | 名称 | 价格")
    assert {one.context for one in chunks[1:]} == {"料号 | 名称 | 价格"}


def test_sentences_are_not_cut_where_they_fit(count: TokenCounter) -> None:
    sentences = [f"第{n}条规定了员工在第{n}年的假期天数和申请办法。" for n in range(60)]
    document = read("# 假期\n\n" + "".join(sentences), "leave.md")
    for one in chunk(document, ChunkerConfig(80, 120), count):
        assert one.text.endswith("。")
        assert one.heading_path == ("假期",)


def test_heading_stays_with_what_it_stands_above(count: TokenCounter) -> None:
    text = "\n\n".join(f"## Part {n}\n\n" + "This part explains one rule in many words. " * 9 for n in range(8))
    for one in chunk(read(text, "parts.md"), ChunkerConfig(80, 140), count):
        assert not one.text.rstrip().split("\n")[-1].startswith("Part ")


def test_config_that_makes_no_sense_is_refused() -> None:
    for target, ceiling in ((0, 10), (20, 10)):
        with pytest.raises(ValueError, match="target_tokens"):
            ChunkerConfig(target, ceiling)
