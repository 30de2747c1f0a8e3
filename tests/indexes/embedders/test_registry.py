"""A setting or a collection names its embedder; a wrong name is refused with a message."""

import sys
from pathlib import Path

import pytest

from core.errors import InvalidInput, MissingExtra
from core.settings import Settings
from indexes.embedders import open_embedder, open_embedder_named
from indexes.embedders.e5 import E5Embedder
from indexes.embedders.openai import OpenAIEmbedder
from indexes.embedders.prompts import Prompts, prompts_for


def _settings(tmp_path: Path, **values: object) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, **values)  # type: ignore[call-arg,arg-type]


def test_default_is_e5_and_keeps_its_files_in_the_models_folder(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    embedder = open_embedder(settings)
    assert isinstance(embedder, E5Embedder)
    assert embedder.fingerprint.startswith("e5-small-q4/")
    assert embedder.fingerprint.endswith("/recipe-1")
    assert list(settings.models_dir.iterdir())
    embedder.close()


def test_endpoint_is_opened_without_being_asked_anything(tmp_path: Path) -> None:
    settings = _settings(tmp_path, embedder="openai:qwen", embed_base_url="http://127.0.0.1:9/v1")
    embedder = open_embedder(settings)
    assert isinstance(embedder, OpenAIEmbedder)
    assert embedder.fingerprint == "openai:qwen/recipe-1"
    embedder.close()


@pytest.mark.parametrize("spec", ["", "e6", "st:", "openai:", "openai:qwen", "E5"])
def test_unknown_or_incomplete_name_is_refused(tmp_path: Path, spec: str) -> None:
    with pytest.raises(InvalidInput):
        open_embedder_named(spec, _settings(tmp_path))


def test_missing_packages_are_named_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)  # Python's own way to say "not installed"
    with pytest.raises(MissingExtra, match="make run EXTRAS=local"):
        open_embedder_named("st:any", _settings(tmp_path))


@pytest.mark.parametrize(
    ("model", "prompts"),
    [
        ("intfloat/multilingual-e5-small", Prompts("query: ", "passage: ")),
        ("e5-base-v2", Prompts("query: ", "passage: ")),
        ("all-MiniLM-L6-v2", Prompts()),
        ("BAAI/bge-m3", Prompts()),
        ("type5-model", Prompts()),
    ],
)
def test_family_is_told_by_the_models_name(model: str, prompts: Prompts) -> None:
    assert prompts_for(model) == prompts


def test_instructed_families_get_their_instruction() -> None:
    for model in ("intfloat/multilingual-e5-large-instruct", "Qwen/Qwen3-Embedding-0.6B"):
        prompts = prompts_for(model)
        assert prompts.query.startswith("Instruct: ")
        assert prompts.passage == ""
