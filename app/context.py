"""The long-lived parts of the server, made once in the lifespan and handed to endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from app.answering.service import AnsweringService
from app.retrieval.service import Retriever
from core.blobs import BlobStore
from core.database import Database
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """What endpoints work with."""

    settings: Settings
    database: Database
    blobs: BlobStore
    retriever: Retriever
    answering: AnsweringService


def get_services(request: Request) -> Services:
    """Return the running server's services."""
    return cast(Services, request.app.state.services)


ServicesDep = Annotated[Services, Depends(get_services)]
