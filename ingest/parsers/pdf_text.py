"""What stands on a PDF page: its characters with their places, as pdfium sees them, and the ruled lines.

All places are in points from the page's upper left corner as it is displayed, rotation included.
"""

from __future__ import annotations

import ctypes
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pypdfium2 as pdfium
from pypdfium2 import raw

Point = tuple[float, float]
Transform = Callable[[float, float], Point]
# Plots are paths of thousands of segments; tables are drawn with few each.
_MAX_PATH_SEGMENTS = 64
_MAX_PAGE_OBJECTS = 20_000
_MAX_FORM_DEPTH = 4
_AXIS_TOLERANCE = 1.0
_BOLD_WEIGHT = 600
_ANGLE_SAMPLES = 60
# The narrowest gap that is a space, in heights of a character, between Chinese characters and between others.
_CHINESE_SPACE = 0.2
_SPACE = 0.04


@dataclass(frozen=True, slots=True)
class Char:
    """One character; index is its number in pdfium's order. A line end has no place: all zeros."""

    text: str
    index: int
    x0: float
    top: float
    x1: float
    bottom: float

    @property
    def center(self) -> Point:
        """Middle of the box: x, y."""
        return (self.x0 + self.x1) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal or vertical line as drawn, or a side of a drawn rectangle."""

    x0: float
    top: float
    x1: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Style:
    """How a run of characters is set: size in points, whether bold, whether it runs across the page."""

    size: float
    bold: bool
    upright: bool


def displayed(page: pdfium.PdfPage, rotation: int) -> Transform:
    """The map from a page's own coordinates to places on the page turned by rotation degrees, clockwise."""
    left, bottom, right, top = page.get_bbox()
    if rotation == 90:
        return lambda x, y: (y - bottom, x - left)
    if rotation == 180:
        return lambda x, y: (right - x, y - bottom)
    if rotation == 270:
        return lambda x, y: (top - y, right - x)
    return lambda x, y: (x - left, top - y)


def reading_rotation(page: pdfium.PdfPage, text_page: pdfium.PdfTextPage) -> int:
    """The rotation in which most of a page's text stands upright, whatever the page says of itself."""
    count = text_page.count_chars()
    angles = Counter(
        round(-math.degrees(angle) / 90) % 4 * 90
        for index in range(0, count, max(1, count // _ANGLE_SAMPLES))
        if (angle := raw.FPDFText_GetCharAngle(text_page, index)) >= 0
    )
    return angles.most_common(1)[0][0] if angles else page.get_rotation()


def read_chars(text_page: pdfium.PdfTextPage, place: Transform) -> list[Char]:
    """The page's characters in pdfium's order; "\\n" stands where it ends a line, unmapped glyphs are U+FFFD."""
    chars: list[Char] = []
    box = raw.FS_RECTF()
    for index in range(text_page.count_chars()):
        code = raw.FPDFText_GetUnicode(text_page, index)
        if code == 0x0D:
            continue
        text = chr(code) if 0 < code < 0x110000 and code not in (0xFFFE, 0xFFFF) else "\ufffd"
        if code == 0x0A or not raw.FPDFText_GetLooseCharBox(text_page, index, box):
            chars.append(Char(text, index, 0, 0, 0, 0))
            continue
        (ax, ay), (bx, by) = place(box.left, box.top), place(box.right, box.bottom)
        chars.append(Char(text, index, min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)))
    return _without_false_spaces(chars)


def _without_false_spaces(chars: Sequence[Char]) -> list[Char]:
    """Drop the spaces that pdfium reads into a change of font or a narrow glyph such as "一"."""
    kept: list[Char] = []
    for i, char in enumerate(chars):
        if char.text == " " and 0 < i < len(chars) - 1:
            before, after = chars[i - 1], chars[i + 1]
            wide = min(before.text, after.text) >= "\u2e80"
            height = min(before.bottom - before.top, after.bottom - after.top)
            if not (before.text + after.text).isspace() and (
                -height < after.x0 - before.x1 < (_CHINESE_SPACE if wide else _SPACE) * height
            ):
                continue
        kept.append(char)
    return kept


def style_of(text_page: pdfium.PdfTextPage, index: int, rotation: int) -> Style:
    """How the character with this index is set, on a page read in this rotation."""
    matrix = raw.FS_MATRIX()
    scale = math.hypot(matrix.c, matrix.d) if raw.FPDFText_GetMatrix(text_page, index, matrix) else 1.0
    size = raw.FPDFText_GetFontSize(text_page, index) * (scale or 1.0)
    text_object = raw.FPDFText_GetTextObject(text_page, index)
    # Word imitates a bold that the font lacks by drawing the outlines too.
    outlined = bool(text_object) and (
        raw.FPDFTextObj_GetTextRenderMode(text_object) == raw.FPDF_TEXTRENDERMODE_FILL_STROKE
    )
    bold = outlined or raw.FPDFText_GetFontWeight(text_page, index) >= _BOLD_WEIGHT
    # pdfium counts angles clockwise in radians, -1 where it has none.
    angle = raw.FPDFText_GetCharAngle(text_page, index)
    turned = 0.0 if angle < 0 else (math.degrees(angle) + rotation) % 360
    return Style(size, bold, min(turned, 360 - turned) < 20)


def read_rules(page: pdfium.PdfPage, place: Transform) -> list[Rule]:
    """The horizontal and vertical lines that are drawn on a page, sides of rectangles included."""
    rules: list[Rule] = []
    for path, matrix in _paths(page):
        for (ax, ay), (bx, by) in _segments(path):
            start, end = place(*_apply(matrix, ax, ay)), place(*_apply(matrix, bx, by))
            width, height = abs(start[0] - end[0]), abs(start[1] - end[1])
            if min(width, height) <= _AXIS_TOLERANCE < max(width, height):
                rules.append(
                    Rule(min(start[0], end[0]), min(start[1], end[1]), max(start[0], end[0]), max(start[1], end[1]))
                )
    return rules


Matrix = tuple[float, float, float, float, float, float]


def _apply(m: Matrix, x: float, y: float) -> Point:
    return m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]


def _times(inner: Matrix, outer: Matrix) -> Matrix:
    a, b = _apply((*outer[:4], 0, 0), inner[0], inner[1])
    c, d = _apply((*outer[:4], 0, 0), inner[2], inner[3])
    return (a, b, c, d, *_apply(outer, inner[4], inner[5]))


def _matrix_of(page_object: raw.FPDF_PAGEOBJECT) -> Matrix:
    matrix = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(page_object, matrix):
        return (1, 0, 0, 1, 0, 0)
    return (matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)


def _paths(page: pdfium.PdfPage) -> Iterator[tuple[raw.FPDF_PAGEOBJECT, Matrix]]:
    """Every drawn path with the map from its own to the page's coordinates, forms opened."""
    identity: Matrix = (1, 0, 0, 1, 0, 0)
    count = min(raw.FPDFPage_CountObjects(page), _MAX_PAGE_OBJECTS)
    stack = [(raw.FPDFPage_GetObject(page, i), identity, 0) for i in range(count)]
    visited = 0
    while stack and visited < _MAX_PAGE_OBJECTS:
        page_object, outer, depth = stack.pop()
        visited += 1
        kind = raw.FPDFPageObj_GetType(page_object)
        if kind == raw.FPDF_PAGEOBJ_PATH:
            yield page_object, _times(_matrix_of(page_object), outer)
        elif kind == raw.FPDF_PAGEOBJ_FORM and depth < _MAX_FORM_DEPTH:
            inner = _times(_matrix_of(page_object), outer)
            parts = min(raw.FPDFFormObj_CountObjects(page_object), _MAX_PAGE_OBJECTS)
            stack += [(raw.FPDFFormObj_GetObject(page_object, i), inner, depth + 1) for i in range(parts)]


def _segments(path: raw.FPDF_PAGEOBJECT) -> Iterator[tuple[Point, Point]]:
    """The straight strokes of a path that is drawn at all."""
    fill, stroke = ctypes.c_int(), raw.FPDF_BOOL()
    if not raw.FPDFPath_GetDrawMode(path, fill, stroke) or not (fill.value or stroke.value):
        return
    count = raw.FPDFPath_CountSegments(path)
    if not 2 <= count <= _MAX_PATH_SEGMENTS:
        return
    x, y = ctypes.c_float(), ctypes.c_float()
    first = last = (0.0, 0.0)
    for i in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, i)
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        point = (x.value, y.value)
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            first = point
        elif kind == raw.FPDF_SEGMENT_LINETO:
            yield last, point
        last = point
        if raw.FPDFPathSegment_GetClose(segment) and last != first:
            yield last, first


def unmapped_share(chars: Sequence[Char]) -> float:
    """The share of glyphs of which the file does not say which characters they are."""
    visible = [char for char in chars if not char.text.isspace()]
    unmapped = sum(1 for char in visible if char.text == "\ufffd" or "\ue000" <= char.text <= "\uf8ff")
    return unmapped / len(visible) if visible else 0.0
