"""The page of a sample: one file without scripts and without a request to anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daemon.domain.formatting import count
from daemon.experiment.report_pages.map_dots import MAP_PX, map_dots
from daemon.experiment.report_pages.page_template import render
from daemon.experiment.report_pages.pictures import small_jpeg
from daemon.experiment.sampling.embedding_map import EmbeddingMap
from daemon.experiment.sampling.sample_choice import Sample

TEMPLATE = Path(__file__).with_name("sample.html")
MOST_THUMBNAILS = 200
THUMBNAIL_PX = 220


@dataclass(frozen=True, kw_only=True)
class ShownSample:
    """A sample with what is needed to show it. names, files: of all images, by row."""

    sample: Sample
    names: tuple[str, ...]
    files: tuple[Path, ...]
    strategy: str
    seed: int
    similarity: float
    map: EmbeddingMap


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """A chosen image. picture: base64 of a JPEG; "" where it cannot be shown."""

    rank: int
    name: str
    reason: str
    picture: str


def sentences(shown: ShownSample) -> list[str]:
    """What was measured and chosen, for the terminal and the page."""
    return sample_sentences(shown.sample, shown.strategy, shown.seed, shown.similarity)


def sample_sentences(sample: Sample, strategy: str, seed: int, similarity: float) -> list[str]:
    """The same of a sample alone."""
    measured = sample.redundancy
    looked = "" if measured.sampled == measured.images else f", measured on {measured.sampled}"
    dimension = measured.intrinsic_dimension
    lines = [
        f"{count(measured.images, 'image')}: {100 * measured.near_duplicates:.0f} % look like "
        f"another one (cosine similarity of at least {similarity:g}{looked}); intrinsic "
        f"dimension {'unknown' if dimension is None else f'{dimension:.1f}'}",
        f"{len(sample.picks)} chosen by {strategy}, seed {seed}, of "
        f"{count(sample.candidates(), 'distinct image')}",
    ]
    if sample.collapsed:
        lines[1] += (
            f"; {count(len(sample.collapsed), 'near-duplicate')} left to those that stand for them"
        )
    if sample.excluded:
        lines[1] += f"; {len(sample.excluded)} excluded"
    repeated = len(set(sample.picks) & sample.collapsed)
    if repeated:
        lines.append(
            f"fewer images are distinct than were asked for: of the chosen ones {repeated} "
            f"look like another one"
        )
    if sample.groups:
        lines.append(f"the sample holds images of {sample.groups[0]} of {sample.groups[1]} groups")
    return lines


def sample_page(shown: ShownSample, title: str) -> str:
    """The content of the page."""
    picks = shown.sample.picks
    thumbnails = [_thumbnail(shown, rank) for rank in range(1, len(picks) + 1)][:MOST_THUMBNAILS]
    return render(
        TEMPLATE,
        title=title,
        sentences=sentences(shown),
        dots=map_dots(shown.map.places, shown.sample.picks, shown.sample.excluded),
        map_px=MAP_PX,
        method=shown.map.method,
        thumbnails=thumbnails,
        further=[shown.names[row] for row in picks[MOST_THUMBNAILS:]],
    )


def _thumbnail(shown: ShownSample, rank: int) -> Thumbnail:
    row = shown.sample.picks[rank - 1]
    return Thumbnail(
        rank=rank,
        name=shown.names[row],
        reason=shown.sample.reasons[rank - 1],
        picture=small_jpeg(shown.files[row], THUMBNAIL_PX) if rank <= MOST_THUMBNAILS else "",
    )
