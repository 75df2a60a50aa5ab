"""Webhooks that are lost, doubled and out of order change when the loop looks, nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from connectors.label_studio import register_webhook
from daemon.web.hints import Hints
from daemon.web.server import serving
from tests.contract.rigs import Server, folder_source_rig
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.webhooks import Deliveries

WAYS = ("once", "twice", "lost", "late")


def test_every_answer_arrives_once_however_its_webhook_travels(tmp_path: Path) -> None:
    woken: list[int] = []
    hints = Hints(secret="long random text", wake=lambda: woken.append(1))
    ways = np.random.default_rng(2).choice(WAYS, size=8).tolist()
    with (
        FakeLabelStudio(tmp_path) as fake,
        serving(dict, hints=hints) as address,
        Server(fake.url, fake.token, tmp_path, pytest.fail) as server,
    ):
        fake.blocks_private = False
        tool = folder_source_rig(server)
        tasks = [int(str(ask.task)) for ask in tool.push(tool.keys)]
        register_webhook(
            url=fake.url,
            token=lambda: fake.token,
            project=tool.project,
            target=f"{address}/hint",
            secret="long random text",
        )
        fake.deliveries = Deliveries(iter(ways))
        found: list[str] = []
        cursor = None
        for task in tasks:
            tool.api.post(f"api/tasks/{task}/annotations/", {"result": []})
            while woken:  # each hint is a look
                woken.pop()
                changes = tool.connector.changes(cursor, tool.sizes)
                cursor, found = changes.cursor, [*found, *(one.id for one in changes.annotations)]
        last = tool.connector.changes(cursor, tool.sizes)  # polling is the truth

    assert len(fake.deliveries.sent) != len(tasks)
    assert {*found, *(one.id for one in last.annotations)} == {str(n) for n in range(1, 9)}
