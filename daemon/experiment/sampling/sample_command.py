"""`maskloop sample`: embed, measure, choose; write the ids, the map and the page.

FILE                   ids, best first; written last
FILE-map.png           the map of all images (without the suffix of FILE)
FILE.html              map, figures and the chosen images
NAME.embeddings/       run folders and maps, NAME being that of the folder of images
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from daemon.domain.errors import ExperimentRefused
from daemon.domain.formatting import count
from daemon.experiment.child_runs import child_runner
from daemon.experiment.command import INTERRUPTED, work_in
from daemon.experiment.image_folders import images_by_id, read_listed
from daemon.experiment.sampling.embedding_map import embedding_map
from daemon.experiment.sampling.image_embeddings import CLASSES, Embedded, embed_images
from daemon.experiment.sampling.sample_choice import Sample, choose_sample
from daemon.experiment.sampling.sample_options import SampleOptions
from daemon.experiment.sampling.sample_page import ShownSample, sample_page, sentences
from daemon.experiment.sampling.sample_plot import draw_map
from daemon.runs.durable import atomic_file
from daemon.runs.run_folder import EmbedRequest, FileFault, RunFolder

MOST_NAMED = 10  # unusable files, a line each

RunEmbed = Callable[[RunFolder], None]


def run_sample(
    options: SampleOptions, out: Console, err: Console, run_embed: RunEmbed | None = None
) -> int:
    """Choose and write; the exit code: 0, or 130 after an interrupt.

    run_embed: runs `embed` in a run folder to its end; None: in a child process. Raises
    ExperimentRefused, or RunFailed with the message of the process.
    """
    images = images_by_id(options.images)
    excluded = read_listed(options.exclude, images, "--exclude") if options.exclude else ()
    folder = options.out.parent / f"{options.images.name}.embeddings"

    def chosen() -> tuple[Embedded, ShownSample]:
        with child_runner(err) as in_child:
            embed = run_embed or (lambda run: in_child(run, "embed"))
            embedded = embed_images(images, folder, _request(options), embed)
        _require_enough(options, embedded, images)
        return embedded, _chosen(options, images, embedded, frozenset(excluded), folder)

    found = work_in(folder, err, chosen)
    if found is None:
        return INTERRUPTED
    embedded, shown = found
    _write(options, shown)
    _print(options, shown, embedded, out)
    return 0


def _request(options: SampleOptions) -> EmbedRequest:
    return EmbedRequest(
        classes=CLASSES,
        device=options.device,
        threads=options.threads,
        settings={"preset": options.preset},
        images=(),
    )


def _require_enough(options: SampleOptions, embedded: Embedded, images: Mapping[str, Path]) -> None:
    if not embedded.names:
        first = f"; the first: {_fault_text(embedded.faults[0])}" if embedded.faults else ""
        raise ExperimentRefused(
            f"--images {options.images}: none of {count(len(images), 'image')} can be read{first}"
        )


def _chosen(
    options: SampleOptions,
    images: Mapping[str, Path],
    embedded: Embedded,
    excluded: frozenset[str],
    folder: Path,
) -> ShownSample:
    """Choose, then draw up the map. Raises ExperimentRefused where too few images are left."""
    sample = choose_sample(
        embedded.names,
        embedded.embeddings,
        n=options.n,
        strategy=options.strategy,
        seed=options.seed,
        similarity=options.similarity,
        exclude=excluded,
        group_by=options.group_by,
    )
    if len(sample.picks) < options.n:
        raise ExperimentRefused(_too_few(options, sample, embedded))
    return ShownSample(
        sample=sample,
        names=embedded.names,
        files=tuple(images[name] for name in embedded.names),
        strategy=options.strategy,
        seed=options.seed,
        similarity=options.similarity,
        map=embedding_map(embedded.stamps, embedded.embeddings, folder),
    )


def _too_few(options: SampleOptions, sample: Sample, embedded: Embedded) -> str:
    unread = f", {len(embedded.faults)} that cannot be read" if embedded.faults else ""
    images = len(embedded.names) + len(embedded.faults)
    return (
        f"--n {options.n}: expected 1 to {len(sample.picks)}, which is how many of "
        f"{count(images, 'image')} are left: without {len(sample.excluded)} of --exclude, with "
        f"their near-duplicates and groups{unread}"
    )


def _write(options: SampleOptions, shown: ShownSample) -> None:
    """The list comes last: where it is, the rest is."""
    stem = options.out.parent / options.out.stem
    draw_map(shown, stem.with_name(f"{stem.name}-map.png"))
    page = sample_page(shown, title=options.out.name)
    listed = "".join(f"{shown.names[row]}\n" for row in shown.sample.picks)
    for path, text in ((stem.with_name(f"{stem.name}.html"), page), (options.out, listed)):
        with atomic_file(path) as part:
            part.write_text(text, encoding="utf-8")


def _print(options: SampleOptions, shown: ShownSample, embedded: Embedded, out: Console) -> None:
    for fault in embedded.faults[:MOST_NAMED]:
        out.print(f"left out: {_fault_text(fault)}", markup=False)
    if len(embedded.faults) > MOST_NAMED:
        out.print(f"and {len(embedded.faults) - MOST_NAMED} more that cannot be read", markup=False)
    for line in sentences(shown):
        out.print(line, markup=False)
    out.print(
        f"{options.out}: {count(options.n, 'image')}; next: draw their masks, then maskloop train "
        f"--labeled {options.out} ...",
        markup=False,
    )


def _fault_text(fault: FileFault) -> str:
    """Without the id of the request, which says nothing to people."""
    return f"{fault.path}: got {fault.got}; expected {fault.expected}; {fault.cure}"
