"""Log lines and metrics. Neither ever carries a key, a question or a document's text."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

REQUESTS = Counter("ragstone_http_requests_total", "HTTP requests.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "ragstone_http_request_seconds", "Time to the end of a response.", ["route"], buckets=_SECONDS
)
RETRIEVAL_SECONDS = Histogram("ragstone_retrieval_seconds", "Time to find sources.", buckets=_SECONDS)
RERANK_SECONDS = Histogram(
    "ragstone_rerank_seconds", "Time that searches waited for the reranker.", buckets=_SECONDS
)
RERANKS = Counter("ragstone_reranks_total", "Calls of the reranker: reranked, late, busy or failed.", ["outcome"])
FIRST_TOKEN_SECONDS = Histogram("ragstone_time_to_first_token_seconds", "Question to first text.", buckets=_SECONDS)
ANSWERS = Counter("ragstone_answers_total", "Answers given.", ["outcome"])
DOCUMENTS = Gauge("ragstone_documents", "Searchable documents.")
QUEUED = Gauge("ragstone_queued_documents", "Documents waiting to be processed.")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logging(log_format: Literal["text", "json"], level: str) -> None:
    """Send log lines to standard error, for people or as one JSON object a line."""
    handler = logging.StreamHandler()
    plain = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s", "%H:%M:%S")
    handler.setFormatter(_JsonLines() if log_format == "json" else plain)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # pdfminer and fontTools warn about every odd font in every PDF.
    for name in ("pdfminer", "fontTools"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # Alembic tells at every start that it looked.
    logging.getLogger("alembic").setLevel(logging.WARNING)
