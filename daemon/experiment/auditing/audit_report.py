"""What an audit found, as JSON, CSV, a page and lines for the terminal."""

from __future__ import annotations

import base64
import csv
import dataclasses
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image as Pillow
from rich.console import Console
from rich.table import Table

from daemon.audit.finding_pictures import finding_strip
from daemon.domain import Mask
from daemon.domain.errors import ImageRefused
from daemon.domain.formatting import count, fraction
from daemon.domain.label_findings import Finding
from daemon.pixels import read_picture
from daemon.pixels.masks import MaskUnusable, read_mask
from daemon.runs.audit_records import AuditedFile, AuditRequest, AuditResult
from daemon.runs.durable import atomic_file, write_json
from daemon.runs.run_folder import RunFolder

TEMPLATE = "audit.html"
DRAWN = 100  # findings on the page
MOST_PIXELS = 100_000_000  # of a picture on the page
LISTED = 10  # findings on the terminal
COLUMNS = (
    *("rank", "image", "type", "labeled", "proposed", "top", "left", "bottom", "right"),
    *("area_px", "score", "expected_precision", "weak", "reason"),
)


@dataclass(frozen=True, kw_only=True)
class DrawnFinding:
    """A finding on the page. picture: base64 of a JPEG; "" where it cannot be drawn."""

    rank: int
    name: str
    finding: Finding
    picture: str


def write_findings(folder: Path, run: RunFolder) -> None:
    """Write findings.json, .csv and .html of a finished audit into the folder."""
    request, result = run.read_request(AuditRequest), run.read_result(AuditResult)
    files = _files(request)
    rows = [
        _row(rank, files[one.image_id].name, one)
        for rank, one in enumerate(result.findings, start=1)
    ]
    with atomic_file(folder / "findings.csv") as part, part.open("w", newline="") as out:
        table = csv.DictWriter(out, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    write_json(
        folder / "findings.json",
        {
            "images": result.images,
            "classes": list(request.classes),
            "findings": [
                row | {"mask_png": one.mask_png}
                for row, one in zip(rows, result.findings, strict=True)
            ],
            "planted": result.planted,
            "cpu_seconds_per_image": result.cpu_seconds_per_image,
            "peak_memory_bytes": result.peak_memory_bytes,
            "faults": [str(fault) for fault in result.faults],
        },
    )
    page = audit_page(result, _drawn(run, request, result, files))
    with atomic_file(folder / "findings.html") as part:
        part.write_text(page, encoding="utf-8")


def audit_page(result: AuditResult, drawn: Iterable[DrawnFinding]) -> str:
    """The page: one file, without scripts and without a request to anywhere."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(
        result=result, findings=list(drawn), planted=result.planted
    )


def print_audit(run: RunFolder, folder: Path, out: Console, *, planted: bool) -> None:
    """The first findings of a finished audit and, if wanted, how well planted errors were found.

    folder: where `write_findings` wrote.
    """
    files, result = _files(run.read_request(AuditRequest)), run.read_result(AuditResult)
    for fault in result.faults:
        out.print(f"left out: {fault}", markup=False)
    if planted:
        _print_planted(result, out)
    for rank, one in enumerate(result.findings[:LISTED], start=1):
        expected = "" if one.expected_precision is None else f" ({one.expected_precision:.2f})"
        out.print(f"{rank}. {files[one.image_id].name}: {one.reason}{expected}", markup=False)
    out.print(
        f"{folder / 'findings.html'}: {count(len(result.findings), 'finding')} in "
        f"{count(result.images, 'image')}",
        markup=False,
    )


def _print_planted(result: AuditResult, out: Console) -> None:
    if result.planted is None:
        out.print("too few errors could be planted to measure anything; audit more images")
        return
    table: Mapping[str, Any] = result.planted
    kinds = Table("planted", "errors", "with a candidate", "AUROC", "AUPRC")
    for name, one in table["kinds"].items():
        kinds.add_row(
            *(name, str(one["planted"]), str(one["found"])),
            *(fraction(one["auroc"]), fraction(one["auprc"])),
        )
    top = Table("first k", "precision", "expected", "lift", "recall")
    for k, one in table["top"].items():
        names = ("precision", "expected", "lift", "recall")
        top.add_row(str(k), *(f"{one[name]:.2f}" for name in names))
    out.print(kinds, top)
    memory = (result.peak_memory_bytes or 0) / 2**20
    out.print(
        f"{table['errors']} errors in {table['components']} components of {table['images']} images "
        f"(base rate {table['base_rate']:.3f}); images with an error: AUROC "
        f"{fraction(table['image_auroc'])}; {result.cpu_seconds_per_image:.2f} CPU seconds an "
        f"image, {memory:.0f} MiB at most; planted set {table['digest'][:12]}",
        markup=False,
    )


def _files(request: AuditRequest) -> dict[int, AuditedFile]:
    """Image id -> its file, of all parts."""
    return {file.id: file for part in request.parts for file in part.files}


def _row(rank: int, name: str, finding: Finding) -> dict[str, Any]:
    top, left, bottom, right = finding.box_yxyx
    content = dataclasses.asdict(finding) | {"rank": rank, "image": name}
    content |= {"top": top, "left": left, "bottom": bottom, "right": right}
    return {column: content[column] for column in COLUMNS} | {"type": finding.type.value}


def _drawn(
    run: RunFolder, request: AuditRequest, result: AuditResult, files: Mapping[int, AuditedFile]
) -> Iterable[DrawnFinding]:
    for rank, one in enumerate(result.findings[:DRAWN], start=1):
        file = files[one.image_id]
        picture = _picture(one, file, run, len(request.classes))
        yield DrawnFinding(rank=rank, name=file.name, finding=one, picture=picture)


def _picture(finding: Finding, file: AuditedFile, run: RunFolder, classes: int) -> str:
    try:
        picture = read_picture(file.image, max_pixels=MOST_PIXELS)
        label = read_mask(file.mask, where=str(file.mask))
    except (ImageRefused, MaskUnusable, OSError):
        return ""
    model: Mask | None = None
    if run.mask(file.id).exists():
        model = read_mask(run.mask(file.id), where=str(file.image))
    strip = finding_strip(finding, picture, label, model, classes)
    out = io.BytesIO()
    Pillow.fromarray(strip).save(out, format="JPEG", quality=85)
    return base64.b64encode(out.getvalue()).decode()
