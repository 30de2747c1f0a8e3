"""The page at `/`, the widget's loader, and the files that both are made of."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.pages import language
from app.security import local_page

_HERE = Path(__file__).parent
_THEMES = ("light", "dark")
# Nothing from elsewhere, nothing inline, and no string ever becomes markup (Trusted Types): texts of documents
# and models reach the page only as text nodes.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_PAGE_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

mimetypes.add_type("text/javascript", ".js")  # some systems' tables say otherwise, and modules need it

router = APIRouter(include_in_schema=False)
_templates = Environment(
    loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


class PageFiles(StaticFiles):
    """Static files that any origin may read, because the widget runs on other origins' pages.

    A browser asks each time whether its copy is still good (an ETag, usually answered 304), so that page,
    widget and server never disagree after an update.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file, or 304 where the caller's copy is good."""
        response = await super().get_response(path, scope)
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


_files = PageFiles(directory=_HERE / "static")


@router.get("/", response_class=HTMLResponse)
def page(request: Request) -> Response:
    """Render the page; on the local address it also gets the cookie that stands for a key."""
    asked_for = request.headers.get("accept-language", "")
    chosen = request.cookies.get("ragstone_lang", "")
    code = chosen if chosen in language.LANGUAGES else language.preferred(asked_for)
    theme = request.cookies.get("ragstone_theme", "")
    html = _templates.get_template("page.html").render(
        lang="zh-CN" if code == "zh" else code,
        theme=theme if theme in _THEMES else "",
        local=local_page.is_local(request),
        t=language.strings(code),
    )
    response = HTMLResponse(html, headers=_PAGE_HEADERS)
    local_page.issue(request, response)
    return response


@router.get("/widget.js")
async def widget(request: Request) -> Response:
    """Return the widget's loader, which pages of other origins include by a script element."""
    return await _files.get_response("widget.js", request.scope)


def mount_static(app: FastAPI) -> None:
    """Serve what the page and the widget load."""
    app.mount("/static/strings", PageFiles(directory=language.STRINGS), name="strings")
    app.mount("/static", _files, name="static")
