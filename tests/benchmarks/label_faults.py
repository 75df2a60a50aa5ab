"""Where known label faults stand in the list of an audit.

    maskloop audit --images SOY/images --masks SOY/masks --splits SOY/splits.json:pool \
        --classes soil,crop,weed --iterations 300 --seed 0 --plant --out OUT
    python -m tests.benchmarks.label_faults OUT/findings.json

Prints the rank of the first finding at each fault of soy_label_faults.json, which were seen by eye
before any audit was run, and of the crop row without a label.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FAULTS = Path(__file__).with_name("soy_label_faults.json")
ROW = {"id": "20230114-GX010233_00620", "box": [0, 0, 384, 384], "type": "the crop row"}
OVERLAP = 0.5  # of the smaller of both boxes
TOP = 100


def main(path: Path) -> None:
    findings = json.loads(path.read_text())["findings"]
    faults = json.loads(FAULTS.read_text())["faults"]
    ranks = [rank_of(fault, findings) for fault in faults]
    for fault, rank in zip([*faults, ROW], [*ranks, rank_of(ROW, findings)], strict=True):
        print(f"{fault['id']} {fault['type']}: {rank or 'not found'}")
    found = sum(rank is not None and rank <= TOP for rank in ranks)
    print(f"{found} of {len(faults)} in the first {TOP} of {len(findings)} findings")


def rank_of(fault: dict[str, Any], findings: list[dict[str, Any]]) -> int | None:
    """The rank of the first finding that overlaps the box of the fault; None for none."""
    return next(
        (
            one["rank"]
            for one in findings
            if one["image"] == fault["id"] and overlap(one, fault["box"]) > OVERLAP
        ),
        None,
    )


def overlap(finding: dict[str, Any], box: list[int]) -> float:
    """Common area of two boxes by the smaller one of them, in [0, 1]. box: x0, y0, x1, y1."""
    width = min(finding["right"], box[2]) - max(finding["left"], box[0])
    height = min(finding["bottom"], box[3]) - max(finding["top"], box[1])
    own = (finding["right"] - finding["left"]) * (finding["bottom"] - finding["top"])
    other = (box[2] - box[0]) * (box[3] - box[1])
    return max(0, width) * max(0, height) / max(1, min(own, other))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
