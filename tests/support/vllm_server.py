"""A real vLLM on the CPU, serving a tiny model: `with running_vllm() as base_url:`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
VLLM_PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
MODEL_NAME = "tiny"
# A minute on two idle cores; the tests' machine may be busy.
START_TIMEOUT_S = 300
STOP_TIMEOUT_S = 20

# No hub, no telemetry, and one GiB for the key-value cache. One thread is plenty for the tiny model: more of them
# spin while they wait, and on two cores nobody else would get a turn until an answer is complete.
VLLM_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
}


# What vLLM is told of each kind of model beyond its folder, and the script that makes it.
WRITER = ("tiny_model.py", ("--max-model-len", "2048", "--dtype", "bfloat16", "--enable-prompt-tokens-details"))
RERANKER = ("tiny_cross_encoder.py", ("--max-model-len", "256", "--dtype", "float32", "--runner", "pooling"))


@contextmanager
def running_vllm(kind: tuple[str, Sequence[str]] = WRITER, *, max_num_seqs: int = 8) -> Iterator[str]:
    """Serve a tiny model as `tiny` on a free local port; yields the base URL, which ends in /v1.

    Takes about a minute. Raises RuntimeError if the environment is missing or the server does not start, with
    the end of its log.
    """
    if not VLLM_PYTHON.exists():
        raise RuntimeError("the vLLM environment is missing: run  python3 scripts/bootstrap.py install vllm")
    with TemporaryDirectory(prefix="ragstone-vllm-") as folder:
        model, log = Path(folder, "model"), Path(folder, "log")
        environment = {**os.environ, **VLLM_ENVIRONMENT}
        script, options = kind
        maker = [VLLM_PYTHON, Path(__file__).with_name(script), model]
        subprocess.run(maker, env=environment, check=True, capture_output=True)
        port = _free_port()
        command = [
            *(str(VLLM_PYTHON), "-m", "vllm.entrypoints.openai.api_server"),
            *("--model", str(model), "--served-model-name", MODEL_NAME),
            *("--max-num-seqs", str(max_num_seqs), "--enforce-eager", *options),
            *("--host", "127.0.0.1", "--port", str(port)),
        ]
        with log.open("wb") as output:
            # A session of its own: the engine is a child of the server, and both must go at the end.
            server = subprocess.Popen(
                command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            _wait_until_healthy(server, f"http://127.0.0.1:{port}/health", log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            _stop(server)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_healthy(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    ended = "did not get healthy" if server.poll() is None else f"ended with {server.returncode}"
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-40:])
    raise RuntimeError(f"vLLM {ended}; the end of its log:\n{tail}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and its engine; whoever is left after the grace is killed with the group."""
    server.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.wait(STOP_TIMEOUT_S)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
