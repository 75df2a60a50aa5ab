"""What each further way to learn from the pool is worth, by pairs of trainings.

    python -m tests.benchmarks.pool_pieces SOY --out DIR --seconds 600           # screen each piece
    python -m tests.benchmarks.pool_pieces SOY --out DIR --seconds 600 --only rank,scales --pairs 4
    python -m tests.benchmarks.pool_pieces SOY --out DIR --seconds 600 --confirm rank,scales

SOY holds images/, masks/ and splits.json with the lists `pool` and `test`. A pair is two trainings
with the same labels, seed and budget, with and without the piece; seeds begin at 100 (screening)
and 200 (confirming), which nothing used before.

Screening never looks at `test`: each seed sets a quarter of the pool aside to measure on, whole
videos where names are VIDEO_FRAME, such that both parts hold every class. A piece that loses in
both of its first two pairs is out. Confirming compares one combination, in 16 pairs, with the
preset as it is and with supervised training, on `test`.

DIR/trainings.jsonl gets a line when a training has ended, so the same command goes on after a kill;
the training that was killed resumes too. `--iterations` instead of `--seconds` compares at equal
iterations: a piece that costs time then looks better than it is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import stats

MASKLOOP = Path(sys.executable).with_name("maskloop")
PIECES: Mapping[str, Sequence[str]] = {
    "rank": ("pseudo_selection=rank",),
    "gate": ("reliable_precision=0.8",),
    "scales": ("scales_agree=True",),
    "second": ("second_round=True",),
    "views": ("views_agree=True",),
    "lite1": ("encoder=efficientnet_lite1",),
    "lite2": ("encoder=efficientnet_lite2",),
    "consistent": ("keep_consistent=True",),
    "restart": ("teacher_restart=True",),
    "regions": ("mix_classes=regions",),
}
DEFAULT, SUPERVISED = "default", "supervised"
SCREENING_SEED, CONFIRMING_SEED = 100, 200
SCREENING_PAIRS, CONFIRMING_PAIRS = 2, 16
MEASURED_SHARE = 0.25  # of the pool, set aside in screening
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One of the compared ways to train. name: with its folders; sets: KEY=VALUE."""

    name: str
    sets: tuple[str, ...] = ()
    method: str = "hrda"


def main() -> None:
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    print(f"# load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    if options.confirm:
        names = options.confirm.split(",")
        sets = tuple(text for name in names for text in PIECES[name])
        ours = Arm(name="+".join(names), sets=sets)
        others = [Arm(name=DEFAULT), Arm(name=SUPERVISED, method="supervised")]
        _compare(options, ours, others, options.pairs or CONFIRMING_PAIRS)
        return
    for name in (options.only or ",".join(PIECES)).split(","):
        arm = Arm(name=name, sets=tuple(PIECES[name]))
        _compare(options, arm, [Arm(name=DEFAULT)], options.pairs or SCREENING_PAIRS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("folder", type=Path)
    add("--out", type=Path, required=True)
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--seconds", type=float, help="of each training")
    budget.add_argument("--iterations", type=int, help="of each training")
    add("--only", default="", help=f"pieces: {','.join(PIECES)}")
    add("--confirm", default="", help="pieces that make up one combination")
    add("--pairs", type=int, default=0, help="2 in screening, 16 in confirming")
    add("--labels", type=int, default=16)
    add("--unlabeled", type=int, default=0, help="0: all that remain; for a trial a few")
    add("--measured", type=int, default=0, help="images to measure on; 0: all set aside")
    add("--classes", default="soil,crop,weed")
    add("--preset", default="cpu")
    add("--device", default="auto")
    add("--threads", type=int, default=0)
    add("--set", dest="sets", action="append", default=[], help="for every training")
    return parser.parse_args()


def _compare(options: argparse.Namespace, ours: Arm, others: Sequence[Arm], pairs: int) -> None:
    first = CONFIRMING_SEED if options.confirm else SCREENING_SEED
    gains: dict[str, list[float]] = {other.name: [] for other in others}
    for seed in range(first, first + pairs):
        found = _training(options, ours, seed)
        for other in others:
            against = _training(options, other, seed)
            gains[other.name].append(found["miou"] - against["miou"])
            print(
                f"{ours.name} {found['miou']:.4f} ({found['seconds']:.0f} s), {other.name} "
                f"{against['miou']:.4f} ({against['seconds']:.0f} s), seed {seed}: "
                f"{gains[other.name][-1]:+.4f}",
                flush=True,
            )
    for name, differences in gains.items():
        print(f"{ours.name} against {name}: {summary(differences)}", flush=True)


def summary(differences: Sequence[float]) -> str:
    """The mean of paired differences, its t-interval, and what a screening makes of it."""
    low, high = t_interval(differences)
    words = f"mean {np.mean(differences):+.4f} [{low:+.4f}, {high:+.4f}], n={len(differences)}"
    return words + (", out: lost every pair" if lost(differences) else "")


def lost(differences: Sequence[float]) -> bool:
    """Whether there are enough pairs to leave a piece out, and it lost in all of them."""
    return len(differences) >= SCREENING_PAIRS and max(differences) < 0


def t_interval(differences: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean by Student's t; infinite for fewer than two differences."""
    count = len(differences)
    if count < 2:
        return -np.inf, np.inf
    error = float(np.std(differences, ddof=1)) / np.sqrt(count)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, count - 1)) * error
    return float(np.mean(differences)) - reach, float(np.mean(differences)) + reach


def _training(options: argparse.Namespace, arm: Arm, seed: int) -> dict[str, Any]:
    """The line of a training; it is run, or gone on with, where there is none."""
    budget = f"{options.seconds:g}s" if options.seconds else f"{options.iterations}i"
    key = "-".join([arm.name, str(options.labels), str(seed), budget, options.preset])
    lines = options.out / "trainings.jsonl"
    folder = options.out / key
    command = [str(word) for word in _command(options, arm, seed, folder)]
    for known in read_lines(lines):
        if known["key"] != key:
            continue
        if known["command"] != command:
            sys.exit(f"{lines}: {key} was another command; name another --out")
        return known
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{key}: exit {done.returncode}: {done.stderr[-2000:]}")
    result = json.loads((folder / "result.json").read_text())
    kept = ("miou", "iou", "seconds", "cpu_seconds", "iterations", "labeled_ids", "commit")
    line = {"key": key, "seed": seed, **{name: result[name] for name in kept}}
    line |= {"command": command, "load": os.getloadavg()[0]}
    with lines.open("a") as file:
        file.write(json.dumps(line) + "\n")
    return line


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a file; a kill may have cut the last one short."""
    if not path.exists():
        return
    for text in path.read_text().splitlines():
        try:
            yield json.loads(text)
        except ValueError:
            continue


def _command(options: argparse.Namespace, arm: Arm, seed: int, folder: Path) -> Iterator[Any]:
    learned, measured = _split(options, seed)
    yield from (MASKLOOP, "train", "--images", options.folder / "images")
    yield from ("--masks", options.folder / "masks", "--classes", options.classes)
    yield from ("--labeled", options.labels, "--seed", seed, "--method", arm.method)
    yield from ("--unlabeled", learned, "--test", measured, "--preset", options.preset)
    yield from ("--device", options.device, "--threads", options.threads)
    yield from ("--measure", "teacher", "--out", folder)
    if options.seconds:
        yield from ("--max-seconds", options.seconds)
    else:
        yield from ("--iterations", options.iterations)
    for text in (*arm.sets, *options.sets):
        yield from ("--set", text)


def _split(options: argparse.Namespace, seed: int) -> tuple[Path, Path]:
    """Files with the ids to learn from and to measure on."""
    splits = json.loads((options.folder / "splits.json").read_text())
    learned, measured = splits["pool"], splits["test"]
    if not options.confirm:
        held = {name: classes_of(options.folder / "masks" / f"{name}.png") for name in learned}
        learned, measured = set_aside(held, seed)
    if options.unlabeled:
        learned = learned[: options.labels + options.unlabeled]
    measured = measured[: options.measured or None]
    files = []
    for what, names in (("learned", learned), ("measured", measured)):
        file = options.out / f"{'confirm' if options.confirm else 'screen'}-{seed}-{what}.txt"
        file.write_text("".join(f"{name}\n" for name in names))
        files.append(file)
    return files[0], files[1]


def set_aside(held: Mapping[str, frozenset[int]], seed: int) -> tuple[list[str], list[str]]:
    """(learned, measured) ids: a quarter of the images, in whole groups, is measured on.

    held: id -> classes of its mask. A group is what stands before the last `_` of an id, where ids
    share it, else each image. Drawn again until both parts hold every class.
    """
    rng = np.random.default_rng(seed)
    groups: dict[str, list[str]] = {}
    for name in sorted(held):
        groups.setdefault(name.rpartition("_")[0] or name, []).append(name)
    if len(groups) < 4:  # names that do not name a video
        groups = {name: [name] for name in sorted(held)}
    every = frozenset().union(*held.values())
    for _ in range(1000):
        measured: list[str] = []
        for row in rng.permutation(len(groups)):
            if len(measured) < MEASURED_SHARE * len(held):
                measured += groups[sorted(groups)[row]]
        chosen = set(measured)
        parts = [n for n in sorted(held) if n not in chosen], sorted(chosen)
        if all(frozenset().union(*(held[name] for name in part)) == every for part in parts):
            order = rng.permutation(len(parts[0]))
            return [parts[0][row] for row in order], parts[1]
    sys.exit(f"seed {seed}: no way to set images aside such that both parts hold all classes")


def classes_of(mask: Path) -> frozenset[int]:
    """The classes that a mask holds."""
    return frozenset(np.unique(np.asarray(Image.open(mask))).tolist()) - {255}


if __name__ == "__main__":
    main()
