"""The first step: embed all images, choose those to label, keep near-duplicates of test images out
of the pool where the recipe says so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daemon.domain.errors import ExperimentRefused
from daemon.domain.formatting import count
from daemon.experiment.jobs.job import JobParts
from daemon.experiment.recipes.experiment_plan import ExperimentPlan
from daemon.experiment.recipes.experiment_records import Choice, ImageMap
from daemon.experiment.recipes.recipe_job import RecipeJob
from daemon.experiment.sampling.embedding_map import embedding_map
from daemon.experiment.sampling.image_embeddings import CLASSES, Embedded, embed_images
from daemon.experiment.sampling.sample_choice import Sample, choose_sample
from daemon.experiment.sampling.sample_page import sample_sentences
from daemon.rules.validation_split import group_of, similar_to_any
from daemon.runs.durable import write_json
from daemon.runs.run_folder import EmbedRequest

MAP_DIGITS = 3


class SampleJob(RecipeJob):
    """Writes choice.json."""

    name = "sample"

    def __init__(self, parts: JobParts) -> None:
        super().__init__(parts)

    def done(self) -> bool:
        """Whether the images are chosen."""
        return self.parts.plan.folder.choice_file.exists()

    def trained(self) -> int:
        """Nothing is trained."""
        return 0

    def run(self) -> None:
        """Embed what is not embedded yet, and choose."""
        plan = self.parts.plan
        folder = plan.folder.embeddings
        folder.mkdir(parents=True, exist_ok=True)
        request = EmbedRequest(
            classes=CLASSES,
            device=plan.recipe.training.device,
            threads=self.parts.threads(),
            settings={"preset": plan.recipe.training.preset},
            images=(),
        )
        names = sorted({*plan.lists.labeled, *plan.lists.pool, *plan.lists.test})
        embedded = embed_images(
            {name: plan.folders.images[name] for name in names},
            folder,
            request,
            lambda run: self.run_to_end(run, "embed", self.parts.poll_s),
        )
        places = embedding_map(embedded.stamps, embedded.embeddings, folder)
        found = image_map(embedded, places.places.tolist(), places.method)
        choice = choose(plan, embedded, found)
        write_json(plan.folder.choice_file, choice.model_dump(mode="json"))
        self.parts.changed.set()


def image_map(embedded: Embedded, places: Sequence[Sequence[float]], method: str) -> ImageMap:
    """Places by name."""
    rounded = [(round(x, MAP_DIGITS), round(y, MAP_DIGITS)) for x, y in places]
    return ImageMap(method=method, places=dict(zip(embedded.names, rounded, strict=True)))


def choose(plan: ExperimentPlan, embedded: Embedded, places: ImageMap) -> Choice:
    """Which images are for what. Raises ExperimentRefused where too few are left."""
    lists, options = plan.lists, plan.recipe.sample
    readable = set(embedded.names)
    near = _near_test(plan, embedded) & set(lists.pool)
    removed = near if plan.recipe.lists.leaks == "remove" else set()
    pool = tuple(name for name in lists.pool if name in readable and name not in removed)
    words = list(lists.words)
    if near:
        did = "removed from the pool" if removed else "kept in the pool, unlabeled"
        words.append(f"in the pool and like a test image: {count(len(near), 'image')}, {did}")
    words += _group_words(plan)
    labeled, reasons = lists.labeled, ("",) * len(lists.labeled)
    if labeled:
        words.append(f"the recipe names the {count(len(labeled), 'labeled image')}")
    else:
        sample = _sample(plan, embedded)
        labeled = tuple(embedded.names[row] for row in sample.picks)
        reasons = sample.reasons
        words += sample_sentences(sample, options.by, options.seed, options.similarity)
    return Choice(
        labeled=labeled,
        reasons=reasons,
        pool=pool,
        full=tuple(name for name in plan.masked if name in readable and name not in removed),
        test=lists.test,
        near_test=len(near),
        unreadable=tuple(f"{fault.path}: {fault.got}" for fault in embedded.faults),
        words=tuple(words),
        map=places,
    )


def _near_test(plan: ExperimentPlan, embedded: Embedded) -> set[str]:
    """Images that look like a test image."""
    test = set(plan.lists.test)
    rows = np.array([row for row, name in enumerate(embedded.names) if name not in test])
    tested = [row for row, name in enumerate(embedded.names) if name in test]
    vectors, similarity = embedded.embeddings, plan.recipe.sample.similarity
    rows = rows.astype(np.int64)
    found = similar_to_any(rows, vectors[rows], vectors[tested], similarity=similarity)
    return {embedded.names[row] for row in found}


def _sample(plan: ExperimentPlan, embedded: Embedded) -> Sample:
    """Choose among the images of the pool that have a mask, none near a test image."""
    options = plan.recipe.sample
    candidates = set(plan.masked)
    test = set(plan.lists.test) if plan.recipe.lists.leaks != "allow" else set()
    rows = [row for row, name in enumerate(embedded.names) if name in candidates | test]
    names = [embedded.names[row] for row in rows]
    sample = choose_sample(
        names,
        embedded.embeddings[rows],
        n=options.n,
        strategy=options.by,
        seed=options.seed,
        similarity=options.similarity,
        exclude=test,
        group_by=options.group_by,
    )
    if len(sample.picks) < options.n:
        raise ExperimentRefused(
            f"[sample] n = {options.n}: expected 1 to {len(sample.picks)}, which is how many "
            f"images with a mask are left without {len(sample.excluded)} test images, their "
            f"near-duplicates and groups; lower n, or raise similarity"
        )
    return sample.of_rows(rows)


def _group_words(plan: ExperimentPlan) -> list[str]:
    """How many groups of the test images hold labeled or pooled images too."""
    pattern = plan.recipe.sample.group_by
    if not pattern:
        return []
    tested = {group_of(name, pattern) for name in plan.lists.test}
    others = {group_of(name, pattern) for name in (*plan.lists.labeled, *plan.lists.pool)}
    shared = len(tested & others)
    return [
        f"{len(tested)} groups in test, {len(others)} in labels and pool, {shared} of them in both"
        + ("" if shared else ": the arms are measured on groups that they never saw")
    ]
