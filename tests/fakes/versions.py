"""Names of prediction versions as the daemon makes them, the same at every call."""

from __future__ import annotations

from daemon.domain import PredictionVersion

NONCE = "9f2c1a7b"


def version(cycle: int, attempt: int, nonce: str = NONCE) -> str:
    return str(PredictionVersion(cycle=cycle, attempt=attempt, nonce=nonce))
