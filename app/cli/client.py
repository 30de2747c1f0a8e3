"""How the command line talks to the server, and how it says what went wrong: one plain line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import httpx
import typer

from core.errors import InvalidSettings
from core.settings import Settings
from core.settings import load_settings as read_settings


def stop(message: str, code: int = 1) -> NoReturn:
    """Print one line to standard error and end the command."""
    typer.echo(f"ragstone: {message}", err=True)
    raise typer.Exit(code)


def load_settings() -> Settings:
    """Read the settings; a bad one is named with its reason."""
    try:
        return read_settings()
    except InvalidSettings as error:
        stop(error.detail, 2)


def server_address(settings: Settings) -> str:
    """Return the address of the server: RAGSTONE_URL, or the one that the settings make it listen on."""
    return os.environ.get("RAGSTONE_URL", own_address(settings)).rstrip("/")


def own_address(settings: Settings) -> str:
    """Return the address that the settings make a server listen on, as this machine reaches it."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - compared only
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def key_of(settings: Settings) -> str:
    """Return RAGSTONE_KEY, or the admin key of the settings or the data folder."""
    return os.environ.get("RAGSTONE_KEY") or admin_key_of(settings)


def admin_key_of(settings: Settings) -> str:
    """Return the admin key of the settings or the data folder."""
    if settings.admin_key:
        return settings.admin_key.get_secret_value()
    try:
        return (settings.data_dir / "admin.key").read_text().strip()
    except OSError:
        stop("no key: set RAGSTONE_KEY, or run this where the server's data folder is.", 2)


@contextmanager
def connected() -> Iterator[httpx.Client]:
    """Open a client to the server that the settings name; see connected_to."""
    settings = load_settings()
    with connected_to(server_address(settings), key_of(settings)) as client:
        yield client


@contextmanager
def connected_to(address: str, key: str) -> Iterator[httpx.Client]:
    """Open a client with address and key; a connection that fails ends the command."""
    headers = {"Authorization": f"Bearer {key}"}
    timeout = httpx.Timeout(30, read=600)
    with httpx.Client(base_url=address, headers=headers, timeout=timeout, trust_env=False) as client:
        try:
            yield client
        except httpx.ConnectError:
            stop(f"nothing answers at {address}: start it with `ragstone up`, or set RAGSTONE_URL.", 3)
        except httpx.TransportError as error:
            stop(f"the connection to {address} failed: {error}", 3)


def checked(response: httpx.Response) -> httpx.Response:
    """Return a good response; end the command with the server's own words otherwise."""
    if response.is_success:
        return response
    response.read()
    try:
        detail = response.json().get("detail") or response.text
    except ValueError:
        detail = response.text[:300]
    stop(f"{detail} (HTTP {response.status_code})", 4)


def stream_lines(response: httpx.Response) -> Iterator[str]:
    """Yield the lines of an event stream: httpx's own also break at U+2028 and U+0085, which texts hold."""
    rest = ""
    for piece in response.iter_text():
        *lines, rest = f"{rest}{piece}".split("\n")
        yield from lines


def fetched(client: httpx.Client, method: str, path: str, **options: Any) -> Any:
    """Return the JSON of a good reply, or None for one without a body."""
    response = checked(client.request(method, path, **options))
    return response.json() if response.content else None
