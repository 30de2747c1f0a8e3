"""Runs the real `ragstone` against a running service, as a person or a script would."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from tests.support.service import ROOT, RunningService


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Commands:
    """The command line, pointed at one service."""

    service: RunningService

    def run(self, *arguments: str, **environment: str) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            cwd=ROOT,
            env=self.service.environment | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What a command prints with --json: one line, and nothing else on standard output."""
        ended = self.run(*arguments, "--json")
        assert ended.code == code, ended
        return json.loads(ended.out)

    def line(self, *arguments: str, code: int, **environment: str) -> str:
        """The one line in which a command says why it failed with this code."""
        ended = self.run(*arguments, **environment)
        assert (ended.code, ended.out) == (code, ""), ended
        (line,) = ended.err.strip().splitlines()
        assert line.startswith("ragstone: ")
        return line
