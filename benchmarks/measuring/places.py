"""Where the benchmarks keep what they make (git ignores it), and the peers' environment."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "benchmarks"
CORPUS, INDEXES, RESULTS = WORK / "corpus", WORK / "indexes", WORK / "results"


@cache
def peers_python() -> Path:
    """Return the Python of .venv-bench, which is made if it is not there; raises SubprocessError."""
    subprocess.run([sys.executable, str(ROOT / "scripts" / "bootstrap.py"), "install", "bench"], check=True)
    return ROOT / ".venv-bench" / "bin" / "python"
