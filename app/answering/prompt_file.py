"""Reads the prompt files: one for each language, in sections, with $names where something is put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from core.errors import InvalidInput

LANGUAGES = ("zh", "en")
_SECTION = re.compile(r"^\[([a-z-]+)\]\n", re.MULTILINE)
_NAMES: Mapping[str, frozenset[str]] = {
    "system": frozenset({"refusal", "instructions"}),
    "user": frozenset({"sources", "history", "question"}),
    "sources-empty": frozenset(),
    "history": frozenset({"turns"}),
    "turn": frozenset({"question", "answer"}),
    "condense": frozenset(),
    "condense-user": frozenset({"turns", "question"}),
    "no-evidence": frozenset(),
    "no-documents": frozenset(),
    "unsupported": frozenset(),
}


@dataclass(frozen=True, slots=True)
class PromptFile:
    """The texts of one language."""

    language: str
    sections: Mapping[str, Template]

    def fill(self, section: str, **values: str) -> str:
        """Return a section with its names replaced; what is put in is never read as a template again."""
        return self.sections[section].substitute(values)


def load_prompts(folder: Path | None = None) -> dict[str, PromptFile]:
    """Return the prompts by language: a file in the folder replaces the built-in one of the same name.

    Raises InvalidInput, naming the file, where a section is missing or names something that is not put in.
    """
    prompts: dict[str, PromptFile] = {}
    for language in LANGUAGES:
        own = folder / f"{language}.txt" if folder else None
        builtin = resources.files("app.answering") / "prompts" / f"{language}.txt"
        text = own.read_text("utf-8") if own and own.is_file() else builtin.read_text("utf-8")
        prompts[language] = PromptFile(language, _sections(text, str(own or builtin)))
    return prompts


def _sections(text: str, where: str) -> dict[str, Template]:
    parts = _SECTION.split(text)
    sections = {name: Template(body.strip("\n")) for name, body in zip(parts[1::2], parts[2::2], strict=True)}
    for name, allowed in _NAMES.items():
        if name not in sections:
            raise InvalidInput(f"{where}: the section [{name}] is missing.")
        unknown = set(sections[name].get_identifiers()) - allowed
        if unknown or not sections[name].is_valid():
            raise InvalidInput(f"{where}: [{name}] may only use {', '.join(sorted(allowed)) or 'no names'}.")
    return sections
