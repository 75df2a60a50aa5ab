"""config.toml of a demo: written at the first start, later only updated."""

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

TOKEN_ENV = "LABEL_STUDIO_USER_TOKEN"  # also a key of DIR/.env
TITLE = "Maskloop demo"
SERVED_FOLDER = "files"  # in DIR: the document root of Label Studio
POLL_S = 2.0

AnySection = TypeVar("AnySection", bound=Section)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Numbers of images: of validation, of the seed batch, of each further batch.

    learner: settings of the learner that differ from the preset.
    """

    validation: int
    seed: int
    batch: int
    learner: Mapping[str, int] = field(default_factory=dict)

    def budget(self, cycles: int) -> int:
        """All labels at the start of the last trained cycle: a later one would not be used."""
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
    """The settings at the first start. Paths in them are relative to `folder`."""
    base = Config(home=folder)
    test = {
        "images": str(dataset.images),
        "masks": str(dataset.masks),
        "ids": "test.json:test",
    }
    return base.model_copy(
        update={
            "classes": _changed(
                base.classes,
                names=dataset.classes.names,
                ignore_label=dataset.classes.ignore_label,
            ),
            "images": _changed(base.images, folder=f"{SERVED_FOLDER}/images"),
            "label_studio": _changed(
                base.label_studio, title=TITLE, token_env=TOKEN_ENV, document_root=SERVED_FOLDER
            ),
            "loop": _changed(
                base.loop,
                poll_s=POLL_S,
                batch_images=plan.batch,
                seed_images=plan.seed,
                queue_low=0,  # so that the curve does not depend on how fast people label
            ),
            "validation": _changed(
                base.validation, min_images=plan.validation, max_images=plan.validation
            ),
            "training": _changed(base.training, settings=dict(plan.learner)),
            "test": _changed(base.test, **test) if dataset.test else base.test,
            "web": _changed(base.web, port=0),
        }
    )


def update_config(path: Path, fresh: Config, *, url: str, project: int, budget: int) -> Config:
    """Write config.toml, or update an existing one; returns its settings.

    An update changes the address, the project, a port that is taken and too small a budget; other
    changes of the user stay.
    """
    current = load_config(path) if path.exists() else fresh
    loop = _changed(current.loop, budget_labels=budget)
    if path.exists() and current.loop.budget_labels > budget:
        loop = current.loop
    port = current.web.port if current.web.port and is_free(current.web.port) else free_port()
    updated = current.model_copy(
        update={
            "label_studio": _changed(current.label_studio, url=url, project=project),
            "loop": loop,
            "web": _changed(current.web, port=port),
        }
    )
    with atomic_file(path) as part:
        part.write_text(render(updated))
    return load_config(path)


def _changed(section: AnySection, **changes: Any) -> AnySection:
    return section.model_copy(update=changes)
