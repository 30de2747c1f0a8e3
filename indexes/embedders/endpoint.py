"""JSON over HTTP to a model server, with bounded retries."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from core.errors import EmbedderUnavailable

_RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_BACKOFF_S = 20.0
_LONGEST_RETRY_AFTER_S = 60.0
_CONNECT_TIMEOUT_S = 5.0
_QUOTED_CHARS = 300


class JsonEndpoint:
    """Posts JSON and returns what came back. Safe in threads. Messages name the address, never the key."""

    def __init__(
        self, base_url: str, key: str, *, timeout_s: float, connections: int, backoff_s: float = 0.5
    ) -> None:
        """timeout_s: longest wait for one reply; backoff_s: mean pause before the first retry, then doubled."""
        self._base_url = base_url
        self._key = key
        self._backoff_s = backoff_s
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S)),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )

    def post(self, path: str, body: Mapping[str, object], *, attempts: int) -> object:
        """Return the parsed reply; raises EmbedderUnavailable once attempts are used up or retrying is no use."""
        url = f"{self._base_url}{path}"
        for attempt in range(1, attempts + 1):
            backoff_s = min(_LONGEST_BACKOFF_S, self._backoff_s * 2 ** (attempt - 1))
            pause_s = backoff_s * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
            try:
                response = self._client.post(url, json=body)
            except httpx.TransportError as error:
                problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            except httpx.InvalidURL as error:
                raise EmbedderUnavailable(f"{url} is not an address: {error}") from error
            else:
                if response.is_success:
                    return self._parsed(url, response)
                problem = f"{response.status_code} {self._quoted(response.text)}".rstrip()
                if response.status_code not in _RETRIED_STATUSES:
                    raise EmbedderUnavailable(f"{url} refused the request: {problem}")
                pause_s = max(pause_s, _retry_after_s(response.headers.get("Retry-After", "")))
            if attempt == attempts or pause_s > _LONGEST_RETRY_AFTER_S:
                raise EmbedderUnavailable(f"{url} does not answer after {attempt} attempts: {problem}")
            time.sleep(pause_s)
        raise ValueError("attempts must be at least 1")

    def close(self) -> None:
        """Close the connections; idempotent."""
        self._client.close()

    def _parsed(self, url: str, response: httpx.Response) -> object:
        try:
            parsed: object = response.json()
        except ValueError as error:
            raise EmbedderUnavailable(f"{url} did not answer in JSON: {self._quoted(response.text)}") from error
        return parsed

    def _quoted(self, text: str) -> str:
        """The beginning of a reply for a message; some servers repeat the key that they refuse."""
        shown = text[:_QUOTED_CHARS]
        return shown.replace(self._key, "***") if self._key else shown


def _retry_after_s(value: str) -> float:
    """Read a Retry-After header, seconds or a date (RFC 9110, 10.2.3); 0 where there is none to read."""
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max(0.0, (until.astimezone(UTC) - datetime.now(UTC)).total_seconds())
