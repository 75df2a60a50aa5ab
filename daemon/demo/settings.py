"""config.toml of a demo: written at the first start, later only brought up to date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from daemon.config.loading import Config, load_config
from daemon.config.rendering import render
from daemon.config.section import Section
from daemon.demo.dataset import Dataset
from daemon.demo.ports import free_port, is_free
from daemon.runs.durable import atomic_file

TOKEN_ENV = "LABEL_STUDIO_USER_TOKEN"  # as DIR/.env has it
TITLE = "Maskloop demo"
SERVED = "files"  # below DIR: what Label Studio may read
POLL_S = 2.0

AnySection = TypeVar("AnySection", bound=Section)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many images are asked: once for validation, once for the seed, then per batch."""

    validation: int
    seed: int
    batch: int
    learner: Mapping[str, int] = field(default_factory=dict)  # settings other than the preset's

    def budget(self, cycles: int) -> int:
        """Labels in all when the last of so many trained cycles begins; nobody labels in vain."""
        return self.validation + self.seed + (cycles - 1) * self.batch


# 200 iterations a cycle keep three cycles well under 20 minutes on two busy cores.
FIELD_PLAN = Plan(
    validation=16, seed=16, batch=16, learner={"iterations": 200, "unlabeled_minibatch": 2}
)


def own_plan(pool: int) -> Plan:
    """For a user's own folder: at most 96 labels in three cycles, fewer in a small pool."""
    return Plan(
        validation=min(20, pool // 4), seed=min(28, pool // 4), batch=min(24, max(1, pool // 8))
    )


def first_config(folder: Path, dataset: Dataset, plan: Plan) -> Config:
    """The settings of a demo that was never started. Paths are relative to `folder`."""
    base = Config(home=folder)
    test = {
        "images": str(dataset.images),
        "masks": str(dataset.masks),
        "ids": "test.json:test",
    }
    return base.model_copy(
        update={
            "classes": _with(
                base.classes,
                names=dataset.classes.names,
                ignore_label=dataset.classes.ignore_label,
            ),
            "images": _with(base.images, folder=f"{SERVED}/images"),
            "label_studio": _with(
                base.label_studio, title=TITLE, token_env=TOKEN_ENV, document_root=SERVED
            ),
            "loop": _with(
                base.loop,
                poll_s=POLL_S,
                batch_images=plan.batch,
                seed_images=plan.seed,
                queue_low=0,  # people of any speed make the same curve
            ),
            "validation": _with(
                base.validation, min_images=plan.validation, max_images=plan.validation
            ),
            "training": _with(base.training, settings=dict(plan.learner)),
            "test": _with(base.test, **test) if dataset.test else base.test,
            "web": _with(base.web, port=0),
        }
    )


def update_config(path: Path, fresh: Config, *, url: str, project: int, budget: int) -> Config:
    """Write config.toml, or bring the one that is there up to date; return what it says.

    What a user changed in it stays, but for the addresses, the project and a budget too small.
    """
    known = load_config(path) if path.exists() else fresh
    loop = _with(known.loop, budget_labels=budget)
    if path.exists() and known.loop.budget_labels > budget:
        loop = known.loop
    port = known.web.port if known.web.port and is_free(known.web.port) else free_port()
    settled = known.model_copy(
        update={
            "label_studio": _with(known.label_studio, url=url, project=project),
            "loop": loop,
            "web": _with(known.web, port=port),
        }
    )
    with atomic_file(path) as part:
        part.write_text(render(settled))
    return load_config(path)


def _with(section: AnySection, **changes: Any) -> AnySection:
    return section.model_copy(update=changes)
