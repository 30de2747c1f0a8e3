"""The errors that users meet. Each knows its values, its HTTP status and its one-line advice.

They are raised where they are known and turned into problem JSON (RFC 9457), an OpenAI error object or a
line on the command line at the edge, in one place each.
"""

from __future__ import annotations

from collections.abc import Mapping


class RagstoneError(Exception):
    """Base of all errors with a message for people. slug names the problem type; detail says what to do."""

    status = 500
    slug = "internal"
    title = "Internal error"

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})


class InvalidInput(RagstoneError):
    """The request is well-formed but says something that cannot be done."""

    status, slug, title = 422, "invalid-input", "Invalid input"


class InvalidSettings(RagstoneError):
    """A setting that cannot be: it ends a process before it starts."""

    slug, title = "invalid-settings", "A setting is wrong"


class NotFound(RagstoneError):
    """The thing named does not exist, or this caller may not know of it."""

    status, slug, title = 404, "not-found", "Not found"


class Conflict(RagstoneError):
    """The request contradicts the present state."""

    status, slug, title = 409, "conflict", "Conflict"


class Unauthorized(RagstoneError):
    """No key, or one that is not valid."""

    status, slug, title = 401, "unauthorized", "Missing or invalid key"


class Forbidden(RagstoneError):
    """A valid key without the scope, collection or origin that the call needs."""

    status, slug, title = 403, "forbidden", "Not allowed"


class TooLarge(RagstoneError):
    """A body, file or question over its limit."""

    status, slug, title = 413, "too-large", "Too large"


class UnsupportedType(RagstoneError):
    """A body of a type that this call does not take."""

    status, slug, title = 415, "unsupported-type", "Unsupported type of body"


class StorageFull(RagstoneError):
    """No space is left where data is kept."""

    status, slug, title = 507, "storage-full", "No space left"


class Overloaded(RagstoneError):
    """Every slot and every waiting place is taken; headers carry Retry-After."""

    status, slug, title = 429, "overloaded", "Too many requests"

    def __init__(self, detail: str, retry_after_s: int = 5) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_s)})


class Unavailable(RagstoneError):
    """A part that this call needs does not answer; headers carry Retry-After."""

    status, slug, title = 503, "unavailable", "Temporarily unavailable"

    def __init__(self, detail: str, retry_after_s: int = 10) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_s)})


class EmbedderUnavailable(Unavailable):
    """The embedding model cannot be loaded or reached."""

    slug = "embedder-unavailable"


class RerankerUnavailable(Unavailable):
    """The reranker cannot be loaded or reached, or says nothing of use; the fused order then stands."""

    slug = "reranker-unavailable"


class EmbedderMismatch(Conflict):
    """The collection was built by another embedder than the one configured."""

    slug, title = "embedder-mismatch", "The collection belongs to another embedder"


class GeneratorUnavailable(Unavailable):
    """The language model behind the service is down, too slow or refused the request."""

    slug, title = "generator-unavailable", "The language model does not answer"


class MissingExtra(RagstoneError):
    """An optional part was chosen whose packages are not installed."""

    status, slug, title = 503, "missing-extra", "Optional part not installed"


class DocumentRejected(RagstoneError):
    """A document cannot be made searchable; code is stable and detail is what its owner reads."""

    status, slug, title = 422, "document-rejected", "The document cannot be read"

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code

    def __reduce__(self) -> tuple[type[DocumentRejected], tuple[str, str]]:
        # Parsers run in a process of their own: without this their answer could not be read back.
        return type(self), (self.code, self.detail)
