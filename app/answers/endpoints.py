"""/v1/answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from app.answers import service
from app.answers.schemas import AnswerIn, AnswerOut, FeedbackIn
from app.answers.stream import as_frames, as_json
from app.bodies import BoundedRoute
from app.context import ServicesDep
from app.problems import problems
from app.search.endpoints import check_question
from app.security.dependencies import AskCaller, authorize_collection
from app.streaming import EventStreamResponse, LiveResponse
from core.errors import EmbedderMismatch, GeneratorUnavailable, NotFound, Overloaded, TooLarge

router = APIRouter(prefix="/v1/answers", tags=["answers"], route_class=BoundedRoute)

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": AnswerOut,
        "description": (
            "With `stream`: the events `sources`, `delta`, `citation`, `done` and `error`, each with a `seq`. "
            "Without: the whole answer."
        ),
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.post(
    "",
    response_model=None,
    responses={**_EVENTS, **problems(NotFound, EmbedderMismatch, TooLarge, Overloaded, GeneratorUnavailable)},
)
async def answer(body: AnswerIn, caller: AskCaller, services: ServicesDep) -> Response:
    """Answer a question from a collection's documents, with citations."""
    authorize_collection(caller, body.collection)
    check_question(body.question, body.k, services.settings)
    body.ranking.check(body.mode, services.settings)
    events = services.answering.answer(caller, body.to_domain())
    write_timeout_s = services.settings.write_timeout_s
    if body.stream:
        return EventStreamResponse(
            as_frames(events), ping_s=services.settings.ping_s, write_timeout_s=write_timeout_s
        )
    return LiveResponse(as_json(events), write_timeout_s=write_timeout_s)


@router.post("/{answer_id}/feedback", status_code=204, responses=problems(NotFound))
def feedback(answer_id: str, body: FeedbackIn, caller: AskCaller, services: ServicesDep) -> None:
    """Say whether an answer was good, why, and what would be right."""
    service.add_feedback(services.database, caller, answer_id, body)
