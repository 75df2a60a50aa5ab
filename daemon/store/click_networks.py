"""Which click network answers clicks: one stored fact, with the figures of its trial."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from daemon.domain.errors import RunFailed
from daemon.runs.click_records import ServingClicks, TrainClicksRequest
from daemon.runs.click_worker_messages import ClicksRequest
from daemon.runs.run_folder import RunFolder
from daemon.store.base import StoreBase

_SERVING = "click_network"  # name of the stored fact


class ClickNetworkQueries(StoreBase):
    """Queries on the click network."""

    def keep_serving_clicks(self, serving: ServingClicks) -> None:
        """Keep which network serves; it replaces what was kept before."""
        self.keep_fact(_SERVING, serving.model_dump_json())

    def serving_clicks(self) -> ServingClicks | None:
        """Which network serves, with the newest trial; None before the first one."""
        kept = self.fact(_SERVING)
        try:
            return ServingClicks.model_validate_json(kept) if kept else None
        except ValidationError:  # of another release: the next trial writes it anew
            return None

    def wanted_click_worker(
        self, runs: Path, *, device: str = "auto", threads: int = 0
    ) -> ClicksRequest | None:
        """What a worker child shall serve; None where no network serves, or its file is gone.

        runs: the folder of all run folders.
        """
        serving = self.serving_clicks()
        if serving is None or not serving.run:
            return None
        run = RunFolder(runs / serving.run)
        try:
            classes = run.read_request(TrainClicksRequest).classes
        except RunFailed:
            return None
        if not run.checkpoint.exists():
            return None
        return ClicksRequest(
            checkpoint=run.checkpoint,
            version=serving.run,
            classes=classes,
            device=device,
            threads=threads,
        )
