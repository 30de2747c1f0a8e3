#!/usr/bin/env python3
"""Set up what the tests need and run them: `make test` (all of them) and `make quick` (those that take seconds).

What cannot be installed without an administrator is named with the line that installs it; no test is left out
because its part is missing.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import bootstrap

SYSTEM_PACKAGES = ("chromium", "fonts-noto-cjk")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MINUTES = ("slow", "vllm", "browser")  # marks of the tests that `quick` leaves out
# Two processes whatever the machine has, for many tests start a server, workers and a database of their own. The
# tests of a file stay together, for they share what was started for them. Files go in their order: sorted by the
# number of their tests, those of a few long ones would come last, and one process would wait for the other.
SIDE_BY_SIDE = ("--numprocesses", "2", "--dist", "loadfile", "--no-loadscope-reorder")
# Environments with tests of their own, by the marks of these: torch is large, and so are Milvus Lite and Ray.
APART = {"local": ("local",), "scale": ("milvus", "ray")}
# Nothing is downloaded while the tests run.
OFFLINE = {"HF_HUB_OFFLINE": "1"}


def main() -> None:
    """Run the tests asked for; exits with pytest's status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=("all", "quick"))
    parser.add_argument("arguments", nargs="*", help="arguments for pytest")
    options = parser.parse_args()
    everything = options.which == "all"
    if everything:
        install_browser()
        bootstrap.ensure("vllm")
    dev = bootstrap.ensure("dev")
    apart = [mark for marks in APART.values() for mark in marks]
    left_out = apart if everything else (*apart, *MINUTES)
    chosen = " and ".join(f"not {mark}" for mark in left_out)
    status = pytest(dev, chosen, options.arguments)
    if everything:
        for environment, marks in APART.items():
            chosen = " or ".join(marks)
            status = pytest(bootstrap.ensure(environment), chosen, [*modules(marks), *options.arguments]) or status
    sys.exit(status)


def modules(marks: "tuple[str, ...]") -> "list[str]":
    """List the test modules that bear one of these marks: the others import what that environment does not hold."""
    paths = sorted((bootstrap.ROOT / "tests").rglob("test_*.py"))
    wanted = [f"pytest.mark.{mark}" for mark in marks]
    return [str(path) for path in paths if any(mark in path.read_text(encoding="utf-8") for mark in wanted)]


def pytest(environment: Path, marks: str, arguments: "list[str]") -> int:
    """Run the tests that a mark expression chooses in an environment, and return pytest's status."""
    command = ["bin/python", "-m", "pytest", *SIDE_BY_SIDE, "-m", marks, *arguments]
    bootstrap.say(f"$ {environment.name}/{shlex.join(command)}")
    command[0] = str(environment / command[0])
    return subprocess.call(command, cwd=bootstrap.ROOT, env={**os.environ, **OFFLINE})


def install_browser() -> None:
    """Install Chromium where there is none and apt-get may; raises Failed with the line to run otherwise."""
    if any(map(shutil.which, BROWSERS)):
        return
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    steps = (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", *SYSTEM_PACKAGES])
    for step in steps:
        try:
            done = subprocess.call([*sudo, *step], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        except OSError:
            done = 1
        if done != 0:
            line = f"sudo apt-get update && sudo apt-get install -y {' '.join(SYSTEM_PACKAGES)}"
            raise bootstrap.Failed(f"The tests of the pages need Chromium. Run:  {line}")


if __name__ == "__main__":
    bootstrap.use_supported_python()
    try:
        main()
    except bootstrap.Failed as failure:
        bootstrap.leave(str(failure))
    except KeyboardInterrupt:
        bootstrap.leave("\nInterrupted.", 130)
