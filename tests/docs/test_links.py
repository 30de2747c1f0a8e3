from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, links, pages

_NAMED = re.compile(r"(?<![\w/])docs/[\w./-]+\.md")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        to = (page.parent / path).resolve() if path else page
        if not to.exists() or (anchor and anchor not in anchors(to)):
            broken.append(target)
    assert not broken


def test_every_page_that_the_code_refers_to_is_there() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.py", "*.toml", "Makefile"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    missing = {
        f"{file}: {named}"
        for file in listed.stdout.split("\0")
        if file and (ROOT / file).is_file()
        for named in _NAMED.findall((ROOT / file).read_text("utf-8"))
        if not (ROOT / named).is_file()
    }
    assert not missing


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = set(links(folder / "README.md"))
    assert {page.name for page in folder.glob("*.md")} - {"README.md"} <= listed
