"""/v1/search."""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request

from app.bodies import BoundedRoute
from app.context import ServicesDep
from app.problems import problems
from app.search.schemas import HitOut, SearchRequest, SearchResponse, SearchTimings
from app.security.dependencies import SearchCaller, authorize_collection
from core.errors import EmbedderMismatch, InvalidInput, NotFound, TooLarge, Unavailable
from core.settings import Settings

router = APIRouter(prefix="/v1/search", tags=["search"], route_class=BoundedRoute)


def check_question(question: str, k: int | None, settings: Settings) -> None:
    """Raise TooLarge or InvalidInput for a question or k past the settings' limits, or an empty question."""
    if len(question) > settings.max_question_chars:
        raise TooLarge(
            f"The question has {len(question):,} characters; at most {settings.max_question_chars:,} are accepted."
        )
    if not question.strip():
        raise InvalidInput("The question is empty.")
    if k is not None and k > settings.max_k:
        raise InvalidInput(f"k may be at most {settings.max_k}.")


@router.post("", responses=problems(NotFound, EmbedderMismatch, Unavailable, TooLarge))
async def search(
    body: SearchRequest, request: Request, caller: SearchCaller, services: ServicesDep
) -> SearchResponse:
    """Find the passages that match a query best, by meaning and by words."""
    authorize_collection(caller, body.collection)
    check_question(body.query, body.k, services.settings)
    body.ranking.check(body.mode, services.settings)
    wanted = body.filter.to_domain()
    limiter: CapacityLimiter = request.app.state.search_limiter
    found = await to_thread.run_sync(
        lambda: services.retriever.search(
            caller,
            body.collection,
            body.query,
            k=body.k,
            mode=body.mode,
            wanted=wanted,
            ranking=body.ranking.to_domain(),
            passages=body.passages.to_domain(merge=False),
        ),
        limiter=limiter,
    )
    return SearchResponse(
        hits=[HitOut.of(source) for source in found.sources],
        reranked=found.reranked,
        timings=SearchTimings.model_validate(found.timings, from_attributes=True),
    )
