"""Webhooks make the daemon look sooner, and change nothing else."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from connectors.label_studio import register_webhook
from daemon.config.loading import Config
from daemon.config.tokens import webhook_secret
from daemon.domain.errors import ConfigError
from daemon.loop.scheduler import start_scheduler
from daemon.web.access.gate import LARGEST_BODY_BYTES
from daemon.web.hints import Hints
from daemon.web.server import serving
from tests.fakes.label_studio import FakeLabelStudio

DELAY_S = 0.2


def test_hints_in_a_row_bring_one_look_forward() -> None:
    looks: list[datetime] = []
    looked = threading.Event()

    def look() -> None:
        looks.append(datetime.now(UTC))
        looked.set()

    scheduler = start_scheduler(look, 600)
    try:
        assert looked.wait(60)
        looked.clear()
        began = time.monotonic()
        for _ in range(20):
            scheduler.tick_soon(DELAY_S)
        seconds = time.monotonic() - began  # a machine that has much to do may look meanwhile
        assert looked.wait(60)
        time.sleep(1.5 * DELAY_S)
    finally:
        scheduler.stop()

    assert 2 <= len(looks) <= 2 + seconds / DELAY_S


def test_the_receiver_believes_nobody_and_reads_nothing() -> None:
    woken: list[int] = []
    hints = Hints(secret="long random text", wake=lambda: woken.append(1))
    with serving(dict, hints=hints) as address, httpx.Client(trust_env=False, timeout=60) as web:
        known = {"X-Maskloop-Secret": "long random text"}
        forged = web.post(f"{address}/hint", headers={"X-Maskloop-Secret": "guess"})
        nameless = web.post(f"{address}/hint", json={"action": "TASKS_DELETED"})
        read = web.get(f"{address}/hint", headers=known)
        assert (forged.status_code, nameless.status_code, read.status_code) == (403, 403, 405)
        assert woken == []

        broken = web.post(f"{address}/hint", headers=known, content=b"\xff{not json")
        again = web.post(f"{address}/hint", headers=known)
        huge = web.post(f"{address}/hint", headers=known, content=b"x" * (LARGEST_BODY_BYTES + 1))

    assert (broken.status_code, again.status_code, huge.status_code) == (204, 204, 413)
    assert woken == [1, 1]


def test_a_page_without_a_webhook_has_no_receiver() -> None:
    with serving(dict) as address, httpx.Client(trust_env=False, timeout=60) as web:
        assert web.post(f"{address}/hint").status_code == 404


def test_a_registered_webhook_shows_the_secret_that_the_receiver_wants() -> None:
    woken: list[int] = []
    hints = Hints(secret="long random text", wake=lambda: woken.append(1))
    with FakeLabelStudio() as server, serving(dict, hints=hints) as address:
        target = f"{address}/hint"

        def register(secret: str = "long random text") -> str:
            words = register_webhook(
                url=server.url, token=lambda: server.token, project=1, target=target, secret=secret
            )
            return " ".join(words)

        assert "refuses addresses of private networks" in register()
        assert server.webhooks == {}
        server.blocks_private = False
        assert "brought" not in register("an older secret")
        assert "up to date" in register()
        assert register() == ""

        (hook,) = server.webhooks.values()
        httpx.post(hook["url"], headers=hook["headers"], json={}, trust_env=False, timeout=60)

    assert hook["send_payload"] is False
    assert woken == [1]


def test_a_webhook_without_a_secret_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"webhook": "http://daemon.example:8060"}
    config = Config.model_validate({"home": tmp_path, "label_studio": settings})
    monkeypatch.delenv("MASKLOOP_WEBHOOK_SECRET", raising=False)

    with pytest.raises(ConfigError, match="MASKLOOP_WEBHOOK_SECRET"):
        webhook_secret(config)

    assert webhook_secret(Config(home=tmp_path)) == ""
