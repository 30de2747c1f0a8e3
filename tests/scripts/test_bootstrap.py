"""The installer: an environment is whole or it is made again, and whatever fails says in one line what to do.

The installations here are real, by the system's pip, of a project so small that they need no index.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.service import ROOT

_SCRIPT = ROOT / "scripts" / "bootstrap.py"
_WITHIN_S = 120
# A project that is installed without setuptools, which an index would have to give.
_PYPROJECT = """
[project]
name = "small"
version = "1"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
_BACKEND = """
import zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(folder + "/small-1-py3-none-any.whl", "w") as wheel:
        about = "small-1.dist-info/"
        wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\\nName: small\\nVersion: 1\\n")
        wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(about + "RECORD", "")
    return "small-1-py3-none-any.whl"
"""


@pytest.fixture
def bootstrap(project: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", project / "scripts" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with the real script and empty locks."""
    for name in ("cpu.lock", "gpu.lock", "postgres.lock", "local.lock", "torch.txt"):
        _write(tmp_path / "requirements" / name, f"# {name}\n")
    _write(tmp_path / "requirements" / "prune.txt", "unread/data  # 1 MB\nunread/**/*.c\n")
    _write(tmp_path / "pyproject.toml", _PYPROJECT)
    _write(tmp_path / "backend.py", _BACKEND)
    (tmp_path / "scripts").mkdir()
    shutil.copy(_SCRIPT, tmp_path / "scripts")
    return tmp_path


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _start(project: Path, *options: str) -> subprocess.Popen[str]:
    # The interpreter below this environment's: what a newcomer has.
    command = [sys.base_prefix + "/bin/python3", "scripts/bootstrap.py", "install", "run", "--accel", "cpu"]
    return subprocess.Popen(
        [*command, *options],
        cwd=project,
        env=os.environ | {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _install(project: Path, *options: str) -> tuple[int, list[str]]:
    process = _start(project, *options)
    output, _ = process.communicate(timeout=_WITHIN_S)
    return process.returncode, output.splitlines()


def _start_and_wait_for_python(project: Path) -> subprocess.Popen[str]:
    process = _start(project)
    deadline = time.monotonic() + _WITHIN_S
    while not (project / ".venv" / "bin" / "python").exists() and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    return process


def _kept(project: Path) -> list[str]:
    return sorted(path.name for path in (project / ".venv").iterdir())


def test_interrupted_install_leaves_nothing_and_the_next_one_is_whole(project: Path) -> None:
    process = _start_and_wait_for_python(project)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=_WITHIN_S)
    assert process.returncode == 130
    assert output.splitlines()[-1] == "Interrupted: nothing half-installed was kept."
    assert "Traceback" not in output
    assert _kept(project) == ["ragstone-install.lock"]

    process = _start_and_wait_for_python(project)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=_WITHIN_S)
    assert "ragstone-stamp.json" not in _kept(project)

    together = [_start(project), _start(project)]
    said = "".join(process.communicate(timeout=_WITHIN_S)[0] for process in together)
    assert [process.returncode for process in together] == [0, 0], said
    assert said.count("Installed .venv.") == 1, "the second waited for the first, and installed nothing"
    assert "Another installation into .venv is under way: waiting for it." in said

    assert _install(project) == (0, []), "what is whole is not touched again"
    assert not list((project / ".venv").glob("lib/*/site-packages/pip"))


def test_package_that_cannot_be_had_is_one_line_and_nothing_is_kept(project: Path) -> None:
    _write(project / "requirements" / "cpu.lock", f"absent==1.0 --hash=sha256:{'0' * 64}\n")
    code, lines = _install(project)
    assert code == 1
    assert lines[-1].startswith("The package index cannot be reached")
    assert len(lines) == 2, lines  # the first says that it installs
    assert _kept(project) == ["ragstone-install.lock"]


def test_folder_of_someone_else_is_left_alone(project: Path) -> None:
    _write(project / ".venv" / "mine.txt", "precious")
    code, lines = _install(project)
    assert code == 1
    assert len(lines) == 1
    assert "was not made by this script: move it away" in lines[0]
    assert _kept(project) == ["mine.txt"]


def test_unknown_extra_is_named_with_those_there_are(project: Path) -> None:
    assert _install(project, "--extras", "postgres,oracle") == (
        1,
        ["There is no extra oracle: choose from fast, local, milvus, postgres, ray."],
    )


def test_environment_is_made_again_when_what_it_is_made_from_changes(bootstrap: ModuleType, project: Path) -> None:
    run = bootstrap.ENVIRONMENTS["run"]

    def key(accel: str = "cpu", extras: str = "") -> str:
        return str(bootstrap.plan(run, {}, accel, extras).key)

    keys = [key(), key("gpu"), key(extras="postgres"), key(extras="local")]
    for name in ("requirements/cpu.lock", "requirements/prune.txt", "pyproject.toml"):
        with (project / name).open("a") as file:
            file.write("# changed\n")
        keys.append(key())
    assert len(set(keys)) == len(keys)
    assert key() == keys[-1]


def test_request_without_a_choice_keeps_what_was_chosen_before(bootstrap: ModuleType) -> None:
    run = bootstrap.ENVIRONMENTS["run"]
    wanted = bootstrap.plan(run, {"accel": "gpu", "extras": "local postgres"}, "", "")
    assert (wanted.accel, wanted.extras) == ("gpu", ("local", "postgres"))
    assert [path.name for path in (*wanted.locks, *wanted.open)] == [
        *("gpu.lock", "local.lock", "postgres.lock"),
        "torch.txt",
    ]


def test_environment_whose_python_was_uninstalled_is_not_whole(bootstrap: ModuleType, project: Path) -> None:
    wanted = bootstrap.plan(bootstrap.ENVIRONMENTS["run"], {}, "cpu", "")
    folder = project / ".venv"
    _write(folder / "ragstone-stamp.json", f'{{"key": "{wanted.key}", "python": "3.12"}}')
    _write(folder / "bin" / "python3.12", "")
    assert bootstrap.is_whole(folder, wanted)
    (folder / "bin" / "python3.12").unlink()
    assert not bootstrap.is_whole(folder, wanted)
    _write(folder / "ragstone-stamp.json", "{ cut off")
    assert not bootstrap.is_whole(folder, wanted)


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full: make room on the one that holds "),
        (
            "Failed to establish a new connection: [Errno -3]",
            "The package index cannot be reached: check the network",
        ),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM",
            "A downloaded package is not the one in the lock file",
        ),
        ("noise\nERROR: broken wheel\nhint: ask", "The installation failed: ERROR: broken wheel"),
        ("Error: the last line\n\n", "The installation failed: Error: the last line"),
        ("", "The installation failed: no output"),
    ],
)
def test_what_pip_says_becomes_one_line(bootstrap: ModuleType, tmp_path: Path, output: str, says: str) -> None:
    line = bootstrap.explain(output, tmp_path)
    assert line.startswith(says)
    assert "\n" not in line


def test_disk_without_room_is_refused_before_anything_is_installed(bootstrap: ModuleType, project: Path) -> None:
    more_than_any_disk = bootstrap.ENVIRONMENTS["run"]._replace(needs_mb=10**12)
    wanted = bootstrap.plan(more_than_any_disk, {}, "cpu", "")
    (project / ".venv").mkdir()
    with pytest.raises(bootstrap.Failed, match=r"needs 1000000000000 MB, and its disk has \d+ MB free: make room"):
        bootstrap.build(project / ".venv", more_than_any_disk, wanted)
    assert _kept(project) == []


def test_pruning_removes_what_is_listed_and_nothing_else(bootstrap: ModuleType, tmp_path: Path) -> None:
    for name in ("unread/data/big.bin", "unread/deep/er/source.c", "unread/read.py", "other/source.c"):
        _write(tmp_path / name, "")
    bootstrap.prune(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*.py") if "unread" in path.parts) == ["read.py"]
    assert not list(tmp_path.glob("unread/**/*.c"))
    assert not (tmp_path / "unread" / "data").exists()
    assert (tmp_path / "other" / "source.c").exists()


def test_old_python_is_told_which_ones_will_do(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # An old interpreter cannot be counted on here: its number is put in place of ours, and PATH holds no other.
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SystemExit) as ended:
        bootstrap.use_supported_python()
    assert ended.value.code == 1
    assert "needs Python 3.11, 3.12 or 3.13, and this is 3.9.2" in capsys.readouterr().err


def test_script_parses_on_the_oldest_python_that_gets_a_message() -> None:
    ast.parse(_SCRIPT.read_text(), feature_version=(3, 6))
