"""What `python -m evals.quality` says when it cannot measure: one plain line."""

import os
import subprocess
import sys

import pytest

from tests.support.service import free_port


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (["examples"], "nothing answers at http://127.0.0.1:{port}", 3),
        (["xquad-fr"], "there is no set xquad-fr: there are examples, squad2,", 2),
    ],
)
def test_it_says_in_one_line_what_is_missing(arguments: list[str], says: str, code: int) -> None:
    port = free_port()
    environment = {**os.environ, "RAGSTONE_URL": f"http://127.0.0.1:{port}", "RAGSTONE_KEY": "rs_any"}
    command = [sys.executable, "-m", "evals.quality", *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    (line,) = ended.stderr.splitlines()
    assert says.format(port=port) in line
    assert ended.returncode == code
