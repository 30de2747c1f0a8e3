"""Errors at the HTTP edge: problem JSON (RFC 9457), or OpenAI's error object on the paths that follow OpenAI."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from core.errors import InvalidInput, RagstoneError, StorageFull, UnsupportedType

logger = logging.getLogger("ragstone.http")

_OPENAI_PATHS = ("/v1/chat/", "/v1/models")
_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def problem_of(error: RagstoneError) -> dict[str, Any]:
    """Return the problem document of an error, as in RFC 9457, section 3."""
    return {
        "type": f"urn:ragstone:problem:{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }


def openai_error_of(error: RagstoneError) -> dict[str, Any]:
    """Return OpenAI's error object for an error."""
    kind = _OPENAI_TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    code = "model_not_found" if error.slug == "not-found" else error.slug.replace("-", "_")
    return {"error": {"message": error.detail, "type": kind, "param": None, "code": code}}


def respond(request: Request, error: RagstoneError) -> Response:
    """Turn an error into the response that the path's clients expect."""
    if request.url.path.startswith(_OPENAI_PATHS):
        status = 400 if error.status == 422 else error.status  # OpenAI knows no 422: its clients raise BadRequest
        return JSONResponse(openai_error_of(error), status, error.headers)
    body = problem_of(error) | {"instance": request.url.path}
    return JSONResponse(body, error.status, error.headers, media_type="application/problem+json")


def problems(*errors: type[RagstoneError]) -> dict[int | str, dict[str, Any]]:
    """Document the errors of an endpoint in the OpenAPI description."""
    return {
        error.status: {"description": error.title, "content": {"application/problem+json": {}}} for error in errors
    }


def _validation_detail(error: RequestValidationError) -> str:
    parts = []
    for item in error.errors()[:5]:
        where = ".".join(str(part) for part in item["loc"] if part not in {"body", "query", "path"})
        parts.append(f"{where}: {item['msg']}" if where else str(item["msg"]))
    return "; ".join(parts)


def install(app: FastAPI) -> None:
    """Register the handlers: this is the one place where errors become HTTP."""

    @app.exception_handler(RagstoneError)
    async def _ours(request: Request, error: RagstoneError) -> Response:
        if error.status >= 500:
            logger.warning("%s %s: %s", request.method, request.url.path, error.detail)
        return respond(request, error)

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> Response:
        # FastAPI reads JSON only where the type says so, and passes other bodies on as bytes (curl -d without -H).
        sent = request.headers.get("content-type", "")
        if isinstance(error.body, bytes) and sent and "json" not in sent:
            detail = f"The body is {sent}: send JSON, with the header `Content-Type: application/json`."
            return respond(request, UnsupportedType(detail))
        invalid = InvalidInput(_validation_detail(error))
        if any(item["type"] == "json_invalid" and item["loc"][0] == "body" for item in error.errors()):
            invalid.status = 400
            invalid.detail = f"The body is not valid JSON: {_validation_detail(error)}"
        return respond(request, invalid)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        plain = RagstoneError(str(error.detail), headers=error.headers)
        plain.status, plain.title = error.status_code, str(error.detail)
        plain.slug = str(error.detail).lower().replace(" ", "-")
        if error.status_code == 404:
            plain.detail = f"There is nothing at {request.url.path}."
        return respond(request, plain)

    @app.exception_handler(OSError)
    async def _os(request: Request, error: OSError) -> Response:
        if error.errno in {28, 122}:  # ENOSPC, EDQUOT: also raised by the multipart parser's spool file
            return respond(request, StorageFull("The disk is full: free some space and try again."))
        return await _unexpected(request, error)

    @app.exception_handler(ClientDisconnect)
    async def _gone(request: Request, error: ClientDisconnect) -> Response:
        logger.info("%s %s: the client left before it had sent all", request.method, request.url.path)
        return Response(status_code=400)  # which nobody reads

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return respond(request, RagstoneError("Something went wrong here; the server's log says what."))
