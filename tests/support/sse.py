"""Reads server-sent events as strictly as the specification writes them, and more so: every field is ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Event:
    """One event: its name, its id and its JSON data without the sequence number, which equals the id."""

    name: str
    id: int
    data: dict[str, Any]


@dataclass(frozen=True)
class Stream:
    """A whole stream: its events in order, and how many comments came between them."""

    events: list[Event]
    comments: int

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]

    @property
    def text(self) -> str:
        return "".join(event.data["text"] for event in self.events if event.name == "delta")

    def only(self, name: str) -> dict[str, Any]:
        (event,) = [event for event in self.events if event.name == name]
        return event.data


def parse(body: bytes) -> Stream:
    """Read a body; fails on any line that /v1/answers has no reason to send."""
    events, comments = [], 0
    *frames, rest = body.decode().split("\n\n")
    assert rest == "", f"the stream ends within an event: {rest!r}"
    for frame in frames:
        if frame.startswith(":"):
            comments += 1
            continue
        name, id_, data = frame.split("\n")
        assert (name[:7], id_[:4], data[:6]) == ("event: ", "id: ", "data: "), frame
        value = json.loads(data[6:])
        assert value.pop("seq") == int(id_[4:]) == len(events), frame
        events.append(Event(name[7:], int(id_[4:]), value))
    return Stream(events, comments)


def ask(client: httpx.Client, collection: str, question: str, **options: Any) -> Stream:
    """Ask through /v1/answers and read the whole stream."""
    reply = client.post("/v1/answers", json={"collection": collection, "question": question, **options})
    assert reply.status_code == 200, reply.text
    return parse(reply.content)
