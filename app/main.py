"""The ASGI application: its parts are made in the lifespan, its routes come from the resources' folders."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from anyio import CapacityLimiter
from fastapi import FastAPI

from app import problems
from app.admin.endpoints import router as admin_router
from app.answering.service import AnsweringService
from app.answers.endpoints import router as answers_router
from app.collections.endpoints import router as collections_router
from app.context import Services
from app.documents.endpoints import router as documents_router
from app.generations.endpoints import router as generations_router
from app.health.endpoints import router as health_router
from app.jobs.endpoints import router as jobs_router
from app.keys.endpoints import router as keys_router
from app.measuring import Measured
from app.openai.endpoints import router as openai_router
from app.pages.endpoints import mount_static
from app.pages.endpoints import router as pages_router
from app.retrieval.service import Retriever
from app.search.endpoints import router as search_router
from app.security.cors import KeyedCors
from app.security.keys import admin_key, secret_hash
from core.blobs import BlobStore
from core.database import Database
from core.settings import Settings
from core.telemetry import configure_logging
from indexes.embedders.pool import EmbedderPool

_DESCRIPTION = (
    "Question answering over your own documents, with citations that can be checked. "
    "All character offsets count Unicode code points (JavaScript strings count UTF-16 units)."
)
_ROUTERS = (
    answers_router,
    openai_router,
    search_router,
    collections_router,
    generations_router,
    documents_router,
    jobs_router,
    keys_router,
    admin_router,
    health_router,
    pages_router,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application; with no settings given they are read from the environment."""
    settings = settings or Settings()
    app = FastAPI(
        title="Ragstone",
        version=version("ragstone"),
        description=_DESCRIPTION,
        lifespan=_lifespan,
        # Their pages load scripts from a public server.
        docs_url=None,
        redoc_url=None,
        # A body without a type is read as JSON: keys come in a header and the page's cookie is checked against the
        # Origin, so that no other site's form gets through either way.
        strict_content_type=False,
    )
    app.state.settings = settings
    for router in _ROUTERS:
        app.include_router(router)
    mount_static(app)
    problems.install(app)
    app.add_middleware(Measured)
    app.add_middleware(KeyedCors)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    configure_logging(settings.log_format, settings.log_level)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    database.migrate()
    configured = settings.admin_key.get_secret_value() if settings.admin_key else None
    app.state.admin_hash = secret_hash(admin_key(configured, settings.data_dir))
    app.state.page_secret = secrets.token_urlsafe(32)
    app.state.search_limiter = CapacityLimiter(settings.search_threads)
    embedders = EmbedderPool(settings)
    retriever = Retriever(settings, database, embedders)
    answering = AnsweringService(settings, database, retriever, app.state.search_limiter)
    app.state.services = Services(settings, database, BlobStore(settings.blob_dir), retriever, answering)
    try:
        yield
    finally:
        await answering.close()
        retriever.close()
        embedders.close()
        database.close()
