"""Keys: how they look, how they are kept, and what a presented key is worth."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.models import ApiKey
from core.types import Caller

SCOPES = ("ask", "search", "ingest", "admin")
ADMIN = Caller("admin", frozenset(SCOPES))


def new_secret() -> str:
    """Return a fresh key with 256 bits of randomness."""
    return "rs_" + secrets.token_urlsafe(32)


def secret_hash(secret: str) -> str:
    """Hash a key for keeping. Keys carry 256 random bits, so one round of SHA-256 cannot be guessed back."""
    return hashlib.sha256(secret.encode()).hexdigest()


def admin_key(configured: str | None, data_dir: Path) -> str:
    """Return the admin key: the one configured, else the one in the data folder, made at the first start."""
    if configured:
        return configured
    path = data_dir / "admin.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        stored = path.read_text().strip()
        if stored:
            return stored
        path.unlink()  # a start that was cut off between creating and writing
        return admin_key(configured, data_dir)
    secret = new_secret()
    with os.fdopen(handle, "w") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    return secret


def caller_of(session: Session, secret: str, admin_hash: str) -> Caller | None:
    """Return whom a presented key belongs to; None for an unknown or revoked one."""
    hashed = secret_hash(secret)
    if hmac.compare_digest(hashed, admin_hash):
        return ADMIN
    key = session.scalar(select(ApiKey).where(ApiKey.secret_hash == hashed))
    if key is None or (key.revoked_at is not None and key.revoked_at <= time.time()):
        return None
    collections = None if key.collections is None else frozenset(key.collections)
    return Caller(key.id, frozenset(key.scopes), collections, frozenset(key.groups), tuple(key.origins))
