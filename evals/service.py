"""A running service, as the evaluations see it: over HTTP, like any other client."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from app.cli.client import checked, stop
from evals.datasets import Passage

_BULK_LINES = 500
_NONE: Mapping[str, Any] = {}


class Service:
    """Feeds collections and asks; ends the command with the service's own words where it refuses."""

    def __init__(self, client: httpx.Client) -> None:
        """client: as `app.cli.client.connected` opens it."""
        self._client = client

    def feed(self, collection: str, passages: Sequence[Passage]) -> None:
        """Put passages into a collection, a document each, and wait; those that are there already cost nothing."""
        self._json("PUT", f"/v1/collections/{collection}", json={})
        jobs = []
        for start in range(0, len(passages), _BULK_LINES):
            lines = [
                json.dumps({"id": p.id, "title": p.title, "text": p.text}, ensure_ascii=False)
                for p in passages[start : start + _BULK_LINES]
            ]
            path = f"/v1/collections/{collection}/documents/bulk"
            jobs.append(self._json("POST", path, content="\n".join(lines).encode())["id"])
        for job_id in jobs:
            job = self._wait(job_id)
            if job["failed"]:
                stop(f"{job['failed']} passages of {collection} failed: {job['errors'][0]['detail']}", 4)

    def _wait(self, job_id: str) -> dict[str, Any]:
        while True:
            job: dict[str, Any] = self._json("GET", f"/v1/jobs/{job_id}")
            if job["finished_at"]:
                return job
            time.sleep(0.5)

    def ranked(self, collection: str, query: str, k: int, options: Mapping[str, Any] = _NONE) -> list[str]:
        """Return the ids of the documents found, best first, each once; options are fields of the request."""
        body = {"collection": collection, "query": query, "k": k, **options}
        hits = self._json("POST", "/v1/search", json=body)["hits"]
        return list(dict.fromkeys(hit["document_id"] for hit in hits))

    def ranked_all(
        self, collection: str, queries: Sequence[str], k: int, options: Mapping[str, Any] = _NONE
    ) -> list[list[str]]:
        """Ask many queries, two at a time."""
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda query: self.ranked(collection, query, k, options), queries))

    def answer(self, collection: str, question: str) -> dict[str, Any]:
        """Return the whole answer to a question."""
        body = {"collection": collection, "question": question, "stream": False}
        answer: dict[str, Any] = self._json("POST", "/v1/answers", json=body)
        return answer

    def _json(self, method: str, path: str, **options: Any) -> Any:
        return checked(self._client.request(method, path, **options)).json()
