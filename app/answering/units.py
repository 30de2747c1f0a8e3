"""Cuts sources into what an answer can quote: sentences, table rows with their header, lists with their lead-in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.sentences import CELL_BORDER, split_sentences
from core.types import Source

_LEAD_IN_ENDS = (":", "：")
_LONGEST_LEAD_IN = 120
_LONGEST_LIST = 400
_LONGEST_UNIT = 600
_LONGEST_HEADER = 240


@dataclass(frozen=True, slots=True)
class Unit:
    """A quotable piece of a source: `source.text[start:end]`, offsets in code points.

    source_index counts from 0 in the sequence of sources. context is what a reader needs with it and what is
    shown before it: the header of a table row. cue is what it is recognised by but that is not shown: title and
    headings, the question that it follows in a list of questions and answers, the lead-in of its list.
    """

    source_index: int
    start: int
    end: int
    text: str
    context: str = ""
    cue: str = ""

    @property
    def searchable(self) -> str:
        """The text by which the unit is compared with a question."""
        return "\n".join(part for part in (self.cue, self.context, self.text) if part)


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str
    tight: bool  # follows the line before it without an empty line between


def units_of(sources: Sequence[Source]) -> list[Unit]:
    """Return the units of all sources, in the order of the sources and of their text.

    Headings are left out: they resemble a question most and answer none.
    """
    return [unit for index, source in enumerate(sources) for unit in _units_of_source(index, source)]


def _units_of_source(index: int, source: Source) -> Iterator[Unit]:
    path = [part for part in (source.title, *source.heading.split(" › ")) if part]
    place = " › ".join(dict.fromkeys(path))
    headings = frozenset(path)
    lines = list(_lines(source.text))
    header, cue, in_table = _last_row(source.context), place, False
    for number, line in enumerate(lines):
        is_row = CELL_BORDER in line.text
        if is_row:
            after = lines[number + 1] if number + 1 < len(lines) else None
            begins = (not in_table and number > 0) or (number == 0 and not header)
            if begins:
                header = ""
            in_table = True
            if begins and after is not None and after.tight and CELL_BORDER in after.text and _is_header(line.text):
                header = line.text[:_LONGEST_HEADER]
                continue
            yield _unit(index, line.start, line.end, line.text, context=header, cue=cue)
            continue
        if in_table:
            in_table, header, cue = False, "", place
        if line.text.lstrip("# ") in headings:
            continue
        if line.text.endswith(_LEAD_IN_ENDS) and len(line.text) <= _LONGEST_LEAD_IN:
            end = _end_of_list(lines, number)
            if end > line.end:
                yield Unit(index, line.start, end, source.text[line.start : end], cue=place)
            cue = f"{place}\n{line.text}"
            continue
        if line.text.endswith(("?", "？")) and len(line.text) <= _LONGEST_LEAD_IN:
            cue = f"{place}\n{line.text}"
            continue
        for start, end in split_sentences(line.text):
            yield _unit(index, line.start + start, line.start + end, line.text[start:end], cue=cue)
        if not (number + 1 < len(lines) and lines[number + 1].tight):
            cue = place


def _unit(index: int, start: int, end: int, text: str, *, context: str = "", cue: str = "") -> Unit:
    if len(text) > _LONGEST_UNIT:  # a line of a log or of a text without marks: its beginning speaks for it
        text = text[:_LONGEST_UNIT].rstrip()
        end = start + len(text)
    return Unit(index, start, end, text, context, cue)


def _lines(text: str) -> Iterator[_Line]:
    position, gap = 0, False
    for raw in text.split("\n"):
        stripped = raw.strip()
        if stripped:
            start = position + raw.index(stripped[0])
            yield _Line(start, start + len(stripped), stripped, not gap)
        gap = not stripped
        position += len(raw) + 1


def _end_of_list(lines: Sequence[_Line], lead_in: int) -> int:
    """Where the list that a lead-in announces ends, as far as an answer can quote it."""
    end = lines[lead_in].end
    for item in lines[lead_in + 1 :]:
        first = end == lines[lead_in].end
        if CELL_BORDER in item.text or not (item.tight or first) or item.end - lines[lead_in].start > _LONGEST_LIST:
            break
        end = item.end
    return end


def _last_row(context: str) -> str:
    rows = [line.strip() for line in context.splitlines() if CELL_BORDER in line]
    return rows[-1][:_LONGEST_HEADER] if rows else ""


def _is_header(row: str) -> bool:
    """Whether a row names columns: at least two cells, none of them only a number."""
    cells = [cell.strip() for cell in row.split(CELL_BORDER.strip()) if cell.strip()]
    return len(cells) >= 2 and not any(cell.replace(".", "").replace(",", "").isdigit() for cell in cells)
