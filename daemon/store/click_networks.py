"""Which click network answers clicks: one stored fact, with the figures of its trial."""

from __future__ import annotations

from pydantic import ValidationError

from daemon.runs.click_records import ServingClicks
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
