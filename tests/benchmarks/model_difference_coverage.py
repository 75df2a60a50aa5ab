"""How often the 95 % interval of the difference of two models holds the true difference:
daemon/insight/model_difference.py.

    python tests/benchmarks/model_difference_coverage.py [REPETITIONS] [SEED]

Draws images from two populations of 20,000, whose difference is known: an image is easy or hard for
both models, which differ by a little on each. "mild": three classes that every image holds. "rare":
the third class is in a quarter of the images. "overlap": how often the two separate intervals of
the models (interval.py) overlap, the verdict that this one replaces; "clear": how often this one
leaves out 0.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

from daemon.domain.evaluations import MeasuredImage
from daemon.insight.model_difference import model_difference
from daemon.rules.miou_interval import interval_limits

IMAGES, PX = 20_000, 1000
SIZES = (8, 16, 32, 64, 200)
Pixels = npt.NDArray[np.int64]


def population(rng: np.random.Generator, holding: float) -> tuple[Pixels, Pixels]:
    """(N, 3, 3) each: pixels in common, of the truth, predicted; by image and class."""
    hard = rng.beta(6, 2, (IMAGES, 1))
    truth = rng.integers(100, PX, (IMAGES, 3))
    truth[:, 2] *= rng.random(IMAGES) < holding
    models = []
    for better in (0.0, 0.02):
        share = np.clip(hard + better + 0.05 * rng.standard_normal((IMAGES, 3)), 0, 1)
        common = (share * truth).astype(np.int64)
        wrong = ((1 - share) * truth.mean(axis=1, keepdims=True) * 0.8).astype(np.int64)
        models.append(np.stack([common, truth, common + wrong], axis=-1))
    return models[0], models[1]


def miou(pixels: Pixels) -> float:
    """Of all images."""
    common, truth, predicted = pixels.sum(axis=0).T
    return float(np.mean(common / (truth + predicted - common)))


def images(pixels: Pixels, rows: Pixels) -> list[MeasuredImage]:
    """Some images of a population."""
    return [
        MeasuredImage(image=n, group="", pixels=tuple(tuple(map(int, one)) for one in pixels[row]))
        for n, row in enumerate(rows)
    ]


def separate_interval(pixels: Pixels) -> tuple[float, float]:
    """The 95 % interval of one model."""
    common, truth, predicted = (pixels[..., side].astype(np.float64) for side in range(3))
    low, high = interval_limits(common, truth + predicted - common, truth > 0)
    return float(low), float(high)


def main() -> None:
    """Print a row a population and number of images."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    rng = np.random.default_rng(seed)
    for name, holding in (("mild", 1.0), ("rare", 0.25)):
        old, new = population(rng, holding)
        true = miou(new) - miou(old)
        for size in SIZES:
            held, clear, overlap = 0, 0, 0
            for _ in range(repetitions):
                rows = rng.choice(IMAGES, size, replace=False)
                found = model_difference(images(old, rows), images(new, rows), rng)
                low, high = found.interval or (np.nan, np.nan)
                held += low <= true <= high
                clear += low > 0 or high < 0
                overlap += separate_interval(old[rows])[1] >= separate_interval(new[rows])[0]
            shown = (100 * count / repetitions for count in (held, clear, overlap))
            print(
                "{:5} {:4} images  held {:.1f} %  clear {:.0f} %  overlap {:.0f} %".format(
                    name, size, *shown
                )
            )
    print(f"seed {seed}, {repetitions} repetitions; true difference of the last {true:+.4f}")


if __name__ == "__main__":
    main()
