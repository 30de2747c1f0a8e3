#!/usr/bin/env python3
"""Make the project's virtual environments, with nothing but a system's Python, and start the service in one.

    python3 scripts/bootstrap.py run             make .venv if it is not there, then `ragstone up`
    python3 scripts/bootstrap.py install dev     make .venv-dev

`make`, the Dockerfile and CI all install through this one script. An environment is either whole, with a
stamp that names what it was made from, or it is made again from nothing: an interrupted one is never used.

Everything up to `main` parses on Python 3.6, so that an old Python gets a message and not a syntax error.
"""

import argparse
import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
SUPPORTED = ("3.13", "3.12", "3.11")
# Raised when the steps below change, so that environments made by the old ones are made again.
RECIPE = 2
GPU_MB = 2500  # CUDA's libraries, packed and unpacked
STAMP, LOCK = "ragstone-stamp.json", "ragstone-install.lock"


class Environment(NamedTuple):
    """A virtual environment: needs_mb of free space, the product if it has a FAISS, and what else it gets.

    locks: lock files, installed by their hashes. open: requirement files without hashes (each says why).
    removed: packages that are not wanted there in the end.
    """

    folder: str
    needs_mb: int
    faiss: bool = True
    extras: "tuple[str, ...]" = ()
    locks: "tuple[str, ...]" = ()
    open: "tuple[str, ...]" = ()
    removed: "tuple[str, ...]" = ()


ENVIRONMENTS = {
    # They have done their work then: this environment is never changed, only made again.
    "run": Environment(".venv", 600, removed=("setuptools", "pip")),
    "dev": Environment(".venv-dev", 1200, extras=("fast", "postgres"), locks=("dev",)),
    "local": Environment(".venv-local", 2500, extras=("local",), locks=("dev", "weights")),
    "scale": Environment(".venv-scale", 2200, extras=("fast", "milvus", "ray"), locks=("dev",)),
    # vLLM serves models and knows nothing of us. What it brings for images and sound does not fit its torch.
    "vllm": Environment(
        ".venv-vllm", 5500, faiss=False, open=("vllm",), removed=("torchvision", "torchaudio", "torchcodec")
    ),
    # What the product is measured against, which knows nothing of us either.
    "bench": Environment(".venv-bench", 3500, faiss=False, locks=("bench",), open=("torch",)),
}
# What an extra of pyproject.toml adds: lock files, and requirement files without hashes.
EXTRAS = {
    "fast": (("fast",), ()),
    "local": (("local",), ("torch",)),
    "milvus": (("milvus",), ()),
    "postgres": (("postgres",), ()),
    "ray": (("ray",), ()),
}

NETWORK_SIGNS = (
    "NewConnectionError",
    "Temporary failure in name resolution",
    "Failed to establish a new connection",
    "Network is unreachable",
    "ConnectTimeoutError",
    "Read timed out",
    "ProxyError",
    "Could not find a version that satisfies the requirement",
)


class Failed(Exception):
    """Nothing more can be done; the message is one line for the person who ran the command."""


class Wanted(NamedTuple):
    """What an environment shall be made from: a key of all inputs, and the files for pip."""

    key: str
    accel: str
    extras: "tuple[str, ...]"
    locks: "tuple[Path, ...]"
    open: "tuple[Path, ...]"


def main() -> None:
    """Read the command line, make the environment, and for `run` become the service."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="make .venv, then start the service in it")
    install = commands.add_parser("install", help="make an environment")
    install.add_argument("environment", choices=sorted(ENVIRONMENTS))
    for command in (run, install):
        command.add_argument("--accel", choices=("", "auto", "cpu", "gpu"), default="", help="which FAISS")
        command.add_argument("--extras", default="", help="extras of pyproject.toml, with commas between")
    run.add_argument("arguments", nargs="*", help="arguments for `ragstone up`")
    options = parser.parse_args()
    if "MAKELEVEL" in os.environ:
        end_with_parent()
    name = "run" if options.command == "run" else options.environment
    folder = ensure(name, options.accel, options.extras)
    if options.command == "run":
        os.chdir(ROOT)
        os.execv(str(folder / "bin" / "ragstone"), ["ragstone", "up", *options.arguments])


def end_with_parent() -> None:
    """Ask Linux to end this process, and the service that it becomes, when make's shell ends.

    A supervisor that ends make ends its shell, which passes nothing on: the service would run on without either.
    """
    try:
        import ctypes  # noqa: PLC0415 - an interpreter may have been built without it

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1: PR_SET_PDEATHSIG
    except (ImportError, OSError, AttributeError):
        return


def ensure(name: str, accel: str = "", extras: str = "") -> Path:
    """Return the folder of the environment, made if it is not there or was made from something else.

    accel: cpu, gpu, auto (what the machine has), or empty: what the environment has, else auto.
    extras: names with commas between; empty: what the environment has.
    """
    environment = ENVIRONMENTS[name]
    folder = ROOT / environment.folder
    wanted = plan(environment, read_stamp(folder), accel, extras)
    if is_whole(folder, wanted):
        return folder
    if folder.exists() and any(folder.iterdir()) and not (folder / LOCK).exists():
        raise Failed(f"{folder} was not made by this script: move it away, then run this again.")
    folder.mkdir(exist_ok=True)
    with exclusive(folder):
        if not is_whole(folder, wanted):  # another run may have made it while this one waited
            build(folder, environment, wanted)
    return folder


def plan(environment: Environment, stamp: "dict[str, str]", accel: str, extras: str) -> Wanted:
    """Work out the files and the key from the request, what the environment has now, and the machine."""
    asked = {name for name in extras.replace(",", " ").split() if name}
    if asked - set(EXTRAS):
        raise Failed(
            f"There is no extra {', '.join(sorted(asked - set(EXTRAS)))}: choose from {', '.join(EXTRAS)}."
        )
    chosen = tuple(sorted(asked or stamp.get("extras", "").split())) or environment.extras
    accel = (accel or stamp.get("accel", "")).replace("auto", "") or detect_accelerator()
    locks = [accel] if environment.faiss else []
    locks += [lock for extra in chosen for lock in EXTRAS[extra][0]] + list(environment.locks)
    open_ = [file for extra in chosen for file in EXTRAS[extra][1]] + list(environment.open)
    lock_files = tuple(REQUIREMENTS / f"{lock}.lock" for lock in locks)
    open_files = tuple(REQUIREMENTS / f"{file}.txt" for file in open_)
    inputs = [*lock_files, *open_files]
    if environment.faiss:
        inputs += [ROOT / "pyproject.toml", REQUIREMENTS / "prune.txt"]
    digest = hashlib.sha256(f"{RECIPE} {ROOT} {' '.join(environment.removed)}".encode())
    for path in inputs:
        digest.update(f"\n{path.name}\n".encode() + path.read_bytes())
    return Wanted(digest.hexdigest(), accel, chosen, lock_files, open_files)


def detect_accelerator() -> str:
    """Return gpu if NVIDIA's driver answers and names one, else cpu."""
    try:
        listed = subprocess.check_output(["nvidia-smi", "-L"], stderr=subprocess.DEVNULL, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return "cpu"
    return "gpu" if "GPU" in listed else "cpu"


def read_stamp(folder: Path) -> "dict[str, str]":
    """Return the stamp of a whole environment: key, accel, extras, python; empty without one."""
    try:
        stamp = json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in stamp.items()}


def is_whole(folder: Path, wanted: Wanted) -> bool:
    """Whether the environment was completed from these very inputs, and its Python is still installed."""
    stamp = read_stamp(folder)
    return stamp.get("key") == wanted.key and (folder / "bin" / f"python{stamp.get('python')}").exists()


@contextmanager
def exclusive(folder: Path) -> "Iterator[None]":
    """Let one installation at a time work in the folder.

    pip inherits the lock: if this process is killed, the next one waits for the pip that it left behind.
    """
    with (folder / LOCK).open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another installation into {folder.name} is under way: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(folder: Path, environment: Environment, wanted: Wanted) -> None:
    """Fill the folder from nothing and stamp it last. Leaves it empty if anything fails."""
    maker = python_with_venv()
    clear(folder)
    free_mb = shutil.disk_usage(str(folder)).free // 2**20
    needs_mb = environment.needs_mb + (GPU_MB if environment.faiss and wanted.accel == "gpu" else 0)
    if free_mb < needs_mb:
        raise Failed(f"{folder} needs {needs_mb} MB, and its disk has {free_mb} MB free: make room.")
    flavour = f" for the {wanted.accel.upper()}" if environment.faiss else ""
    say(f"Installing into {folder.name}{flavour} (once; a minute or so) ...")
    try:
        run([maker, "-m", "venv", str(folder)], folder)
        python = folder / "bin" / "python"
        install(python, environment, wanted)
        version = run([str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], folder).strip()
        stamp = {"key": wanted.key, "accel": wanted.accel, "extras": " ".join(wanted.extras), "python": version}
        draft = folder / (STAMP + ".new")
        draft.write_text(json.dumps(stamp))
        draft.replace(folder / STAMP)
    except BaseException:
        clear(folder)
        raise
    say(f"Installed {folder.name}.")


def install(python: Path, environment: Environment, wanted: Wanted) -> None:
    """Install the locks by their hashes, then what has none, then the project itself as it lies here."""
    folder = python.parent.parent
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    # Python writes the bytecode of what is used when it is used.
    add = [*pip, "install", "--no-compile", "--no-warn-script-location", "--progress-bar=off"]
    if wanted.locks:
        files = [argument for lock in wanted.locks for argument in ("-r", str(lock))]
        run([*add, "--no-deps", "--require-hashes", "--only-binary=:all:", *files], folder)
    for requirements in wanted.open:
        run([*add, "-r", str(requirements)], folder)
    if environment.faiss:
        run([*add, "--no-deps", "--no-index", "--no-build-isolation", "--editable", str(ROOT)], folder)
        run([*pip, "check"], folder)
        if not set(wanted.extras) - {"postgres"}:  # numba, torch and their like read much of it
            prune(next(folder.glob("lib/python*/site-packages")))
    if environment.removed:
        run([*pip, "uninstall", "--yes", *environment.removed], folder)


def prune(site_packages: Path) -> None:
    """Remove what packages bring along and nothing here reads: requirements/prune.txt has the list."""
    for line in (REQUIREMENTS / "prune.txt").read_text().splitlines():
        pattern = line.partition("#")[0].strip()
        for path in list(site_packages.glob(pattern)) if pattern else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def run(command: "list[str]", folder: Path) -> str:
    """Run a step and return its output; on a terminal the package at hand is shown. Raises Failed."""
    lines: list[str] = []
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, text=True, close_fds=False, **pipes)  # open: see exclusive()
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.append(line)
            if sys.stderr.isatty() and line.startswith("Collecting "):
                print(f"\r\033[K  {line.split()[1]}", end="", file=sys.stderr, flush=True)
    finally:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        if sys.exc_info()[0]:
            process.terminate()
        process.wait()
    if process.returncode != 0:
        raise Failed(explain("".join(lines), folder))
    return "".join(lines)


def explain(output: str, folder: Path) -> str:
    """Say in one line why pip or venv failed, and what to do."""
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return disk_full(folder)
    if any(sign in output for sign in NETWORK_SIGNS):
        return "The package index cannot be reached: check the network and pip's settings, then run this again."
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in output:
        return "A downloaded package is not the one in the lock file: check the index in pip's settings."
    last = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in last if line.startswith("ERROR:")]
    return "The installation failed: " + (errors or last or ["no output"])[-1]


def disk_full(folder: Path) -> str:
    """Name the fuller of the two disks that an installation writes to."""
    disks = {path: shutil.disk_usage(str(path)).free // 2**20 for path in (folder, Path(tempfile.gettempdir()))}
    fullest = min(disks, key=lambda path: disks[path])
    return f"The disk is full: make room on the one that holds {fullest}, then run this again."


def clear(folder: Path) -> None:
    """Remove everything but the lock that this process holds."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK:
            path.unlink()


def python_with_venv() -> str:
    """Return the running Python, or else another supported one on PATH, that can make environments."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return sys.executable
    other = find_python("import ensurepip, venv")
    if other:
        return other
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    sudo = "" if os.geteuid() == 0 else "sudo "
    raise Failed(
        f"Python's venv module is missing. Run:  {sudo}apt-get update && {sudo}apt-get install -y {package}"
    )


def find_python(probe: str = "pass") -> "str | None":
    """Return the newest supported Python on PATH that starts and can run the probe."""
    for version in SUPPORTED:
        path = shutil.which("python" + version)
        if path:
            # A version manager's shim is on PATH even when its Python is not installed.
            code = f"import sys; {probe}; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
            if subprocess.call([path, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
                return path
    return None


def use_supported_python() -> None:
    """Start again under a supported Python if this one is not. Runs on any Python 3.6 or later."""
    if "{}.{}".format(*sys.version_info[:2]) in SUPPORTED:
        return
    python = find_python()
    if python:
        os.execv(python, [python, *sys.argv])
    have = "{}.{}.{}".format(*sys.version_info[:3])
    leave(
        f"Ragstone needs Python 3.11, 3.12 or 3.13, and this is {have}: install one of them, "
        "or name one:  make run PYTHON=/path/to/python3.11"
    )


def say(line: str) -> None:
    """Print a line for the person at the terminal."""
    print(line, file=sys.stderr, flush=True)


def leave(line: str, status: int = 1) -> NoReturn:
    """Print the one line that says why, and exit."""
    say(line)
    sys.exit(status)


if __name__ == "__main__":
    use_supported_python()
    try:
        main()
    except Failed as failure:
        leave(str(failure))
    except KeyboardInterrupt:
        leave("\nInterrupted: nothing half-installed was kept.", 130)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            leave(disk_full(ROOT))
        leave(f"{error.filename}: {error.strerror}")
