"""How often the gate refuses, or asks about, a model that is as good as those before it, and how
often one that is worse: daemon/rules/serving_gate.py.

    python tests/benchmarks/serving_gate_noise.py [REPETITIONS] [SEED]

Each repetition draws validation images and a chain of models that find the same share of each class
but for noise of their own on each image; the last one is judged. "refused" of equal models is
noise, at most 5 % of the cases by the rule: 2.5 % of the comparison with the model that serves, and
as much of that with the best. "worse": it finds 0.05 less of each class. "class": it finds 0.2 less
of the last class, and 0.1 more of the others.
"""

from __future__ import annotations

import sys

import numpy as np

from daemon.domain.models import GateVerdict
from daemon.rules.serving_gate import judge
from tests.fakes.model_chains import NAMES, chain

SIZES = (16, 64, 200)
MODELS = (2, 6, 20)
CASES = {
    "equal": {},
    "worse": {"worse": 0.05},
    "class": {"class_worse": 0.2, "others_better": 0.1},
}


def rates(images: int, models: int, repetitions: int, seed: int, **last: float) -> dict[str, float]:
    """Share of each verdict on the last model of a chain, in [0, 1]."""
    rng, found = np.random.default_rng(seed), dict.fromkeys(GateVerdict, 0)
    for _ in range(repetitions):
        curve = chain(models, images, rng, **last)
        found[judge(curve, models, range(1, models), models - 1, classes=NAMES).verdict] += 1
    return {verdict.value: number / repetitions for verdict, number in found.items()}


def main() -> None:
    """Print a row a case."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for name, last in CASES.items():
        for images in SIZES:
            for models in MODELS:
                shown = rates(images, models, repetitions, seed, **last)
                words = "  ".join(
                    f"{verdict} {100 * share:.1f} %" for verdict, share in shown.items()
                )
                print(f"{name:6} {images:4} images {models:3} models  {words}")
    print(f"seed {seed}, {repetitions} repetitions")


if __name__ == "__main__":
    main()
