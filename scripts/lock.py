"""Write requirements/*.lock from pyproject.toml: `make lock`, or `make lock UPGRADE=1` for newer versions.

Each lock holds for Linux, macOS and Windows and for every Python we support, names a hash for every file of
the public index, and no index: pip verifies what it downloads, wherever it downloads from.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
UV = Path(sys.executable).with_name("uv")
# torch and what it runs on is chosen for the machine: requirements/torch.txt.
ACCELERATOR_PACKAGES = re.compile(r"torch|triton|nvidia-.*|cuda-.*")


def main() -> None:
    """Compile the locks one after the other: the later ones agree with the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras, groups = project["project"]["optional-dependencies"], project["dependency-groups"]
    base = [*project["project"]["dependencies"], *groups["build"]]
    agree = ["--constraint", "requirements/cpu.lock"]

    compile_lock("cpu", base + extras["cpu"], upgrade)
    compile_lock("gpu", base + extras["gpu"], [*upgrade, *agree])
    compile_lock("postgres", extras["postgres"], [*upgrade, *agree])
    compile_lock("fast", extras["fast"], [*upgrade, *agree])
    compile_lock("local", extras["local"], [*upgrade, *agree, "--constraint", "requirements/torch.txt"])
    compile_lock("dev", groups["dev"], [*upgrade, *agree])
    for extra in ("milvus", "ray"):  # their tests run with what the tests need
        compile_lock(extra, extras[extra], [*upgrade, *agree, "--constraint", "requirements/dev.lock"])
    compile_lock("weights", groups["weights"], [*upgrade, "--no-deps"])
    bench = (REQUIREMENTS / "bench.in").read_text(encoding="utf-8").splitlines()
    compile_lock("bench", bench, [*upgrade, "--constraint", "requirements/torch.txt"])


def compile_lock(name: str, requirements: list[str], options: list[str]) -> None:
    """Resolve the requirements into requirements/NAME.lock, without torch and the packages it runs on."""
    target = f"requirements/{name}.lock"
    resolved = uv(requirements, [*options, "--no-annotate"])
    packages = re.findall(r"^([\w.-]+)==", resolved, re.MULTILINE)
    left_out = [f"--no-emit-package={package}" for package in packages if ACCELERATOR_PACKAGES.fullmatch(package)]
    if name == "gpu":  # faiss-gpu runs on them, and they are the same files everywhere
        left_out = []
    uv(requirements, [*options, *left_out, "--generate-hashes", "--output-file", target])
    print(f"{target}: {len(packages) - len(left_out)} packages")


def uv(requirements: list[str], options: list[str]) -> str:
    """Run `uv pip compile` on the requirements; wheels only, so that nobody needs a compiler."""
    command = [
        *(str(UV), "pip", "compile", "-", "--quiet", "--universal", "--python-version", "3.11"),
        *("--only-binary", ":all:", "--annotation-style", "line", "--custom-compile-command", "make lock"),
    ]
    done = subprocess.run(
        [*command, *options], input="\n".join(requirements), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    main()
