"""Runs benchmarks, each in a process of its own: `python -m benchmarks [NAME ...]`; without a name, all of them.

For options, run one by itself: `python -m benchmarks.streaming --help`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

_NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def main() -> int:
    """Run what is named; returns 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(_NAMES)}")
    names = parser.parse_args().names or _NAMES
    unknown = sorted(set(names) - set(_NAMES))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(_NAMES)}")
    failed = 0
    for name in names:
        print(f"== {name}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
