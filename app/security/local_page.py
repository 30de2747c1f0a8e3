"""The page on the local address works without a key: a cookie stands for one, for this process's life.

Only a browser on this machine gets the cookie: the peer is the loopback address, the Host header is a loopback
name (so a rebound DNS name does not count) and no proxy stands between. SameSite=Strict and the check of the
Origin keep other sites' pages from using it.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from core.types import Caller

COOKIE = "ragstone_page"
PAGE_CALLER = Caller("local-page", frozenset({"ask", "search", "ingest"}))
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def is_local(connection: HTTPConnection) -> bool:
    """Whether a request comes from this machine itself, to a loopback name, without a proxy between."""
    peer = connection.client.host if connection.client else ""
    try:
        loopback = ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
    if not loopback or any(name in connection.headers for name in _PROXY_HEADERS):
        return False
    return (connection.url.hostname or "") in _LOOPBACK_NAMES


def issue(connection: HTTPConnection, response: Response) -> bool:
    """Set the cookie on the page's response where the request is local; tells whether it did."""
    if not is_local(connection):
        return False
    response.set_cookie(COOKIE, connection.app.state.page_secret, httponly=True, samesite="strict", path="/")
    return True


def caller_of(connection: HTTPConnection) -> Caller | None:
    """Return the page's caller where a local request of our own origin carries the cookie."""
    cookie = connection.cookies.get(COOKIE, "")
    if not cookie or not hmac.compare_digest(cookie, connection.app.state.page_secret):
        return None
    origin = connection.headers.get("origin")
    same_origin = origin is None or urlsplit(origin).netloc == connection.headers.get("host")
    return PAGE_CALLER if same_origin and is_local(connection) else None
