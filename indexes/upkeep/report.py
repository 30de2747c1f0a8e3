"""What a verification finds, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal[
    "outdated",
    "unreadable-manifest",
    "damaged-file",
    "uneven-segment",
    "missing-chunks",
    "extra-entries",
    "wrong-revision",
    "doubled-entries",
    "wrong-vectors",
    "wrong-terms",
    "wrong-attributes",
    "other-vectors",
    "half-document",
    "damaged-original",
]
_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: how many are concerned, and the first of them by id, path or name."""

    kind: Kind
    detail: str
    count: int
    examples: Sequence[int | str]

    @classmethod
    def of(cls, kind: Kind, detail: str, concerned: Iterable[int | str]) -> Finding:
        """Make a finding about things, of which the first are named."""
        things = list(concerned)
        return cls(kind, detail, len(things), things[:_EXAMPLES])

    def line(self) -> str:
        """Return the finding as one line for people."""
        shown = ", ".join(map(str, self.examples[:5])) + (", …" if self.count > 5 else "")
        return f"{self.detail} ({self.count:,}: {shown})"


@dataclass(frozen=True, slots=True)
class Report:
    """How one generation of a collection's index stands against the database."""

    collection: str
    generation: int
    state: str
    documents: int
    chunks: int
    entries: int
    waiting_removals: int
    findings: Sequence[Finding]
    mended: Sequence[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing was found; removals that wait for a worker are no fault."""
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return asdict(self) | {"sound": self.sound}

    def lines(self) -> list[str]:
        """Return the report as lines for people."""
        index = "index" if self.state == "active" else f"{self.state} index {self.generation}"
        said = "sound" if self.sound else f"{len(self.findings)} kinds of damage"
        waiting = f", {self.waiting_removals:,} removals wait" if self.waiting_removals else ""
        head = f"{self.collection}: {index}: {said}: {self.documents:,} documents, {self.chunks:,} chunks{waiting}"
        return [head, *(f"  {finding.line()}" for finding in self.findings), *(f"  {line}" for line in self.mended)]
