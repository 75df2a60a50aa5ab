"""The page of a sample: one file without scripts and without a request to anywhere."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from daemon.domain.errors import ImageRefused
from daemon.domain.formatting import count
from daemon.experiment.sampling.embedding_map import EmbeddingMap
from daemon.experiment.sampling.sample_choice import Sample

TEMPLATE = "sample.html"
MAP_PX, MARGIN_PX = 640, 24
MOST_DOTS = 3000  # of the other images: more make the page slow
MOST_THUMBNAILS = 200
THUMBNAIL_PX = 220
MOST_PIXELS = 100_000_000  # of a picture that is made into a thumbnail


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
class Dot:
    """A place on the map, in px. kind: "other", "excluded" or "pick"; rank: of a pick."""

    x: float
    y: float
    kind: str
    rank: int = 0


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """A chosen image. picture: base64 of a JPEG; "" where it cannot be shown."""

    rank: int
    name: str
    reason: str
    picture: str


def sentences(shown: ShownSample) -> list[str]:
    """What was measured and chosen, for the terminal and the page."""
    sample, measured = shown.sample, shown.sample.redundancy
    looked = "" if measured.sampled == measured.images else f", measured on {measured.sampled}"
    dimension = measured.intrinsic_dimension
    lines = [
        f"{count(measured.images, 'image')}: {100 * measured.near_duplicates:.0f} % look like "
        f"another one (cosine similarity of at least {shown.similarity:g}{looked}); intrinsic "
        f"dimension {'unknown' if dimension is None else f'{dimension:.1f}'}",
        f"{len(sample.picks)} chosen by {shown.strategy}, seed {shown.seed}, of "
        f"{count(sample.candidates(), 'distinct image')}",
    ]
    if sample.collapsed:
        lines[1] += (
            f"; {len(sample.collapsed)} near-duplicates are left to those that stand for them"
        )
    if sample.excluded:
        lines[1] += f"; {len(sample.excluded)} are excluded"
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
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=folder, autoescape=True, undefined=StrictUndefined)
    picks = shown.sample.picks
    thumbnails = [_thumbnail(shown, rank) for rank in range(1, len(picks) + 1)][:MOST_THUMBNAILS]
    return environment.get_template(TEMPLATE).render(
        title=title,
        sentences=sentences(shown),
        dots=map_dots(shown),
        map_px=MAP_PX,
        method=shown.map.method,
        thumbnails=thumbnails,
        further=[shown.names[row] for row in picks[MOST_THUMBNAILS:]],
    )


def map_dots(shown: ShownSample) -> list[Dot]:
    """The chosen images last, so that they lie on top; of the others at most 3000, every k-th."""
    places, sample = shown.map.places.astype(np.float64), shown.sample
    low, high = places.min(axis=0), places.max(axis=0)
    inner = MAP_PX - 2 * MARGIN_PX
    shares = (places - low) / np.maximum(high - low, 1e-9)
    shares[:, 1] = 1 - shares[:, 1]  # y of SVG grows downwards
    xy = np.round(MARGIN_PX + shares * inner, 1)
    picks = set(sample.picks)
    others = [row for row in range(len(places)) if row not in picks]
    every = -(-len(others) // MOST_DOTS) or 1
    dots = [
        Dot(x=xy[row, 0], y=xy[row, 1], kind="excluded" if row in sample.excluded else "other")
        for row in others[::every]
    ]
    return dots + [
        Dot(x=xy[row, 0], y=xy[row, 1], kind="pick", rank=rank)
        for rank, row in enumerate(sample.picks, 1)
    ]


def _thumbnail(shown: ShownSample, rank: int) -> Thumbnail:
    row = shown.sample.picks[rank - 1]
    return Thumbnail(
        rank=rank,
        name=shown.names[row],
        reason=shown.sample.reasons[rank - 1],
        picture=_small_jpeg(shown.files[row]) if rank <= MOST_THUMBNAILS else "",
    )


def _small_jpeg(path: Path) -> str:
    """Base64; "" for a picture that has become unreadable or is too large to open for this."""
    from PIL import Image

    from daemon.pixels.reader import read_picture

    try:
        pixels = read_picture(path, where=str(path), max_pixels=MOST_PIXELS)
    except (ImageRefused, OSError):
        return ""
    picture = Image.fromarray(pixels)
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=80)
    return base64.b64encode(written.getvalue()).decode()
