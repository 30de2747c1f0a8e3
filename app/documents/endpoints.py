"""/v1/collections/{name}/documents."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from app.bodies import BoundedRoute
from app.context import ServicesDep
from app.documents import intake
from app.documents.schemas import DocumentList, DocumentOut, DocumentState, DocumentText
from app.documents.service import DocumentService, Incoming, check_document_id
from app.jobs.schemas import JobOut
from app.problems import problems
from app.search.filters import FilterInQuery
from app.security.dependencies import AskCaller, IngestCaller, authorize_collection
from app.values import PlainText
from core.errors import InvalidInput, NotFound, Overloaded, StorageFull, TooLarge
from core.types import Caller

router = APIRouter(prefix="/v1/collections/{name}/documents", tags=["documents"], route_class=BoundedRoute)
_TAKES_IN = problems(NotFound, InvalidInput, TooLarge, Overloaded, StorageFull)


def _service(services: ServicesDep) -> DocumentService:
    return DocumentService(services.database, services.blobs, services.settings)


Documents = Annotated[DocumentService, Depends(_service)]
IdempotencyKey = Annotated[str | None, Header(max_length=200)]


async def _submit(
    documents: DocumentService,
    caller: Caller,
    name: str,
    incoming: list[Incoming],
    key: str | None,
    response: Response,
) -> JobOut:
    job = await to_thread.run_sync(documents.submit, caller, name, incoming, key)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job


@router.post("", status_code=202, responses=_TAKES_IN, openapi_extra=intake.MULTIPART_BODY)
async def upload_documents(
    name: str,
    request: Request,
    response: Response,
    caller: IngestCaller,
    documents: Documents,
    services: ServicesDep,
    idempotency_key: IdempotencyKey = None,
) -> JobOut:
    """Upload files; a file's name is its document id, so that the same name replaces."""
    authorize_collection(caller, name)
    await to_thread.run_sync(documents.check_collection, name)
    incoming = await intake.from_multipart(request, services.blobs, services.settings)
    return await _submit(documents, caller, name, incoming, idempotency_key, response)


@router.post("/bulk", status_code=202, responses=_TAKES_IN, openapi_extra=intake.NDJSON_BODY)
async def bulk_documents(
    name: str,
    request: Request,
    response: Response,
    caller: IngestCaller,
    documents: Documents,
    services: ServicesDep,
    idempotency_key: IdempotencyKey = None,
) -> JobOut:
    """Feed texts as NDJSON, a document a line. A bad line refuses the whole request and names the line."""
    authorize_collection(caller, name)
    await to_thread.run_sync(documents.check_collection, name)
    incoming = await intake.from_ndjson(request, services.blobs, services.settings)
    return await _submit(documents, caller, name, incoming, idempotency_key, response)


@router.put("/{document_id:path}", status_code=202, responses=_TAKES_IN, openapi_extra=intake.RAW_BODY)
async def put_document(
    name: str,
    document_id: str,
    request: Request,
    response: Response,
    caller: IngestCaller,
    documents: Documents,
    services: ServicesDep,
    idempotency_key: IdempotencyKey = None,
    title: Annotated[PlainText, Query(max_length=1000)] = "",
    uri: Annotated[PlainText, Query(max_length=4000)] = "",
    filename: Annotated[PlainText, Query(max_length=500)] = "",
    group: Annotated[list[PlainText], Query(max_length=100)] = [],  # noqa: B006 - FastAPI copies it
) -> JobOut:
    """Put one document's bytes under the caller's own id; the same bytes again do nothing."""
    authorize_collection(caller, name)
    check_document_id(document_id)
    await to_thread.run_sync(documents.check_collection, name)
    blob = await intake.store_body(request, services.blobs, services.settings)
    incoming = Incoming(
        document_id,
        blob,
        request.headers.get("content-type", "").split(";")[0].strip().lower(),
        filename or document_id.rsplit("/", 1)[-1],
        title,
        uri,
        groups=group,
    )
    return await _submit(documents, caller, name, [incoming], idempotency_key, response)


@router.get("", responses=problems(NotFound))
def list_documents(
    name: str,
    caller: AskCaller,
    documents: Documents,
    wanted: FilterInQuery,
    state: DocumentState | None = None,
    q: Annotated[str, Query(max_length=200, description="Part of an id or title.")] = "",
    cursor: Annotated[str, Query(max_length=500)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DocumentList:
    """List documents by id, searchable or not; state and filter are about the newest revision of each."""
    authorize_collection(caller, name)
    return documents.list(caller, name, state, q, wanted.to_domain(), cursor, limit)


@router.get("/{document_id:path}/text", responses=problems(NotFound))
def document_text(name: str, document_id: str, caller: AskCaller, documents: Documents) -> DocumentText:
    """Return the parsed text that citations point into."""
    authorize_collection(caller, name)
    return documents.text(caller, name, document_id)


@router.get("/{document_id:path}/original", responses=problems(NotFound), response_class=Response)
def document_original(name: str, document_id: str, caller: AskCaller, documents: Documents) -> Response:
    """Return the original file, always as a download: its content is not ours to render."""
    authorize_collection(caller, name)
    data, content_type, filename = documents.original(caller, name, document_id)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(filename, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
    printable = content_type if content_type.isascii() and "/" in content_type else "application/octet-stream"
    return Response(data, media_type=printable, headers=headers)


@router.get("/{document_id:path}", responses=problems(NotFound))
def get_document(name: str, document_id: str, caller: AskCaller, documents: Documents) -> DocumentOut:
    """Show a document with the report on its newest revision."""
    authorize_collection(caller, name)
    return documents.get(caller, name, document_id)


@router.delete("/{document_id:path}", status_code=204, responses=problems(NotFound))
def delete_document(name: str, document_id: str, caller: IngestCaller, documents: Documents) -> None:
    """Delete a document. When this returns, no query can surface it."""
    authorize_collection(caller, name)
    documents.delete(caller, name, document_id)
