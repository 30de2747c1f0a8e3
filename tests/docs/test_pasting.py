from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.support.service import RunningService, running_service

_EXAMPLES = ("hr/leave-europe.md", "products/alder-200-manual.pdf")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    with running_service(tmp_path / "data") as running:
        yield running


def test_what_the_readme_says_to_paste_works(service: RunningService, tmp_path: Path) -> None:
    printed = _paste(ROOT / "README.md", service, tmp_path)
    assert '"state":"succeeded"' in printed
    assert printed.count("receives 27 days of paid holiday") >= 2, "neither found nor quoted"
    assert "\n[1] Leave rules for the Delft office: " in printed, "the OpenAI client saw no citation"


def test_what_the_api_page_says_to_paste_works(service: RunningService, tmp_path: Path) -> None:
    service.create_collection("handbook")
    service.create_collection("examples")
    documents = {name: (ROOT / "examples" / "documents" / name).read_bytes() for name in _EXAMPLES}
    assert service.feed("examples", documents)["state"] == "succeeded"
    printed = _paste(ROOT / "docs" / "api.md", service, tmp_path)
    assert printed.count('"kind":"ingest"') == 3, "one of the three ways to feed was not taken"
    assert "27 days of paid holiday" in printed
    assert "E-1042 | 主板与传感器存储器配对不符" in printed


def _paste(page: Path, service: RunningService, home: Path) -> str:
    """Run a page's lines in their order, as one script that ends at the first refusal; returns what they print."""
    script = "\n".join(
        f"'{sys.executable}' - <<'PASTED'\n{code}PASTED" if language == "python" else code
        for language, code in blocks(page)
        if language in {"sh", "python"}
    )
    for written, here in (("http://127.0.0.1:8080", service.url), ("$(cat var/admin.key)", service.admin_key)):
        assert written in script
        script = script.replace(written, here)
    (home / ".curlrc").write_text("fail-with-body\n")
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=os.environ | {"CURL_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, f"{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}"
    return ran.stdout
