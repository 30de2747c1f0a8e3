from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.settings import Settings
from tests.support.service import ROOT


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("RAGSTONE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith((".", "429.", "503.")), name
        assert len(field.description) <= 120, name


def test_names_that_scripts_rely_on_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "HOST": "0.0.0.0",
        "PORT": "9000",
        "DATA_DIR": "/srv/ragstone",
        "DATABASE_URL": "postgresql://u:p@db/ragstone",
        "ADMIN_KEY": "rs_0123456789abcdef",
        "GENERATOR": "openai",
        "LLM_BASE_URL": "http://vllm:8000/v1/",
        "LLM_MODEL": "qwen",
        "LLM_API_KEY": "secret",
        "EMBEDDER": "openai:bge-m3",
        "EMBED_BASE_URL": "http://vllm:8001/v1",
        "EMBED_API_KEY": "secret",
        "INDEX": "embedded",
        "LEXICAL": "rank-bm25",
        "EXAMPLES": "0",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"RAGSTONE_{name}", value)
    settings = Settings()
    assert (settings.host, settings.port, settings.data_dir) == ("0.0.0.0", 9000, Path("/srv/ragstone"))
    assert settings.resolved_database_url == "postgresql+psycopg://u:p@db/ragstone"
    assert (settings.llm_base_url, settings.embedder, settings.examples) == (
        "http://vllm:8000/v1",
        "openai:bge-m3",
        False,
    )
    assert "secret" not in repr(settings)
    assert "secret" not in settings.model_dump_json()
    assert "0123456789" not in settings.model_dump_json()


def test_env_file_is_read_and_the_environment_outweighs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("RAGSTONE_PORT=8101\nRAGSTONE_DEFAULT_K=9\nOTHER_PROGRAM=x\n")
    monkeypatch.setenv("RAGSTONE_PORT", "8102")
    settings = Settings()
    assert (settings.port, settings.default_k) == (8102, 9)


def test_variable_without_a_value_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADMIN_KEY", "PORT", "DATABASE_URL", "EMBEDDER"):  # as a compose file passes them on
        monkeypatch.setenv(f"RAGSTONE_{name}", "")
    assert Settings() == Settings.model_construct()


def test_database_is_in_the_data_folder_unless_named(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert settings.resolved_database_url == f"sqlite:///{tmp_path}/ragstone.db"
    for folder in (settings.blob_dir, settings.index_folder(3), settings.models_dir):
        assert tmp_path in folder.parents


BAD = [
    ({"port": "http"}, "port"),
    ({"port": "70000"}, "port"),
    ({"generator": "gpt"}, "generator"),
    ({"lexical": "tfidf"}, "lexical"),
    ({"embedder": "bert"}, "embedder"),
    ({"embedder": "st:"}, "embedder"),
    ({"embedder": "openai:bge"}, "RAGSTONE_EMBED_BASE_URL"),
    ({"llm_base_url": "localhost:8000"}, "http"),
    ({"database_url": "mysql://x"}, "sqlite"),
    ({"admin_key": "short"}, "admin_key"),
    ({"chunk_target_tokens": "500", "chunk_max_tokens": "400"}, "chunk_target_tokens"),
    ({"default_k": "50", "max_k": "10"}, "default_k"),
    ({"refuse_below": "2"}, "refuse_below"),
    ({"lease_s": "0"}, "lease_s"),
]


@pytest.mark.parametrize(("given", "named"), BAD, ids=str)
def test_bad_value_is_refused(given: dict[str, str], named: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(given)
    assert named in str(caught.value)


@pytest.mark.parametrize(("given", "named"), BAD[::5], ids=str)
@pytest.mark.parametrize("command", [["app.cli", "serve"], ["ingest"], ["app.cli", "verify"]], ids=" ".join)
def test_bad_value_ends_every_process_with_one_plain_line(
    given: dict[str, str], named: str, command: list[str]
) -> None:
    environment = os.environ | {f"RAGSTONE_{name.upper()}": value for name, value in given.items()}
    ended = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2, ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert named.lower() in ended.stderr.lower()
    assert "Traceback" not in ended.stderr
