from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, blocks
from tests.support.service import running_service


def test_what_the_readme_says_to_paste_works(tmp_path: Path) -> None:
    (tmp_path / ".curlrc").write_text("fail-with-body\n")  # so that a refusal ends the script
    script = "\n".join(
        f"'{sys.executable}' - <<'PASTED'\n{code}PASTED" if language == "python" else code
        for language, code in blocks(ROOT / "README.md")
        if language in {"sh", "python"}
    )
    with running_service(tmp_path / "data") as service:
        for written, here in (("http://127.0.0.1:8080", service.url), ("$(cat var/admin.key)", service.admin_key)):
            assert written in script
            script = script.replace(written, here)
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            env=os.environ | {"CURL_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert ran.returncode == 0, f"{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}"
    assert '"state":"succeeded"' in ran.stdout
    assert ran.stdout.count("receives 27 days of paid holiday") >= 2, "neither found nor quoted"
    assert "\n[1] Leave rules for the Delft office: " in ran.stdout, "the OpenAI client saw no citation"
