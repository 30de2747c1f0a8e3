"""/v1/models and /v1/chat/completions: a collection is a model."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.bodies import BoundedRoute
from app.collections import repository
from app.context import ServicesDep
from app.openai.completion import Completion
from app.openai.schemas import ChatCompletionIn
from app.search.endpoints import check_question
from app.security.dependencies import AskCaller, authorize_collection
from app.streaming import EventStreamResponse, LiveResponse
from core.models import Collection

router = APIRouter(prefix="/v1", tags=["openai"], route_class=BoundedRoute)


def _model(collection: Collection) -> dict[str, Any]:
    return {
        "id": collection.name,
        "object": "model",
        "created": int(collection.created_at),
        "owned_by": "ragstone",
    }


@router.get("/models")
def list_models(caller: AskCaller, services: ServicesDep) -> dict[str, Any]:
    """List the collections that the key may ask."""
    with services.database.read() as session:
        return {"object": "list", "data": [_model(row) for row in repository.all_of(session, caller)]}


@router.get("/models/{name}")
def get_model(name: str, caller: AskCaller, services: ServicesDep) -> dict[str, Any]:
    """Show one collection as a model."""
    authorize_collection(caller, name)
    with services.database.read() as session:
        return _model(repository.by_name(session, name))


@router.post("/chat/completions", response_model=None)
async def create_chat_completion(
    body: ChatCompletionIn, request: Request, caller: AskCaller, services: ServicesDep
) -> Response:
    """Answer the last user message from the collection named by `model`."""
    settings = services.settings
    authorize_collection(caller, body.model)
    asked = body.to_domain(settings.max_history_turns)
    check_question(asked.question, asked.k, settings)
    body.ragstone.ranking.check(asked.mode, settings)
    completion = Completion(
        body.model,
        settings.public_url or str(request.base_url).rstrip("/"),
        include_usage=body.stream_options is not None and body.stream_options.include_usage,
    )
    events = services.answering.answer(caller, asked)
    if body.stream:
        return EventStreamResponse(
            completion.as_chunks(events), ping_s=settings.ping_s, write_timeout_s=settings.write_timeout_s
        )
    return LiveResponse(completion.as_json(events), write_timeout_s=settings.write_timeout_s)
