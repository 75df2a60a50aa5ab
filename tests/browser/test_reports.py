"""The reports that Maskloop writes as files, as chromium shows them: one brand, light and dark, a
phone's width, and no request to anybody. Their pictures lie beside those of the pages."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from selenium import webdriver

from daemon.audit.finding_pictures import finding_strip
from daemon.domain.label_findings import Finding, FindingType
from daemon.experiment.auditing.audit_report import DrawnFinding, audit_page
from daemon.experiment.sampling.embedding_map import EmbeddingMap
from daemon.experiment.sampling.sample_choice import Sample
from daemon.experiment.sampling.sample_page import ShownSample, sample_page
from daemon.experiment.simulation.report import write_report
from daemon.rules.redundancy import Redundancy
from daemon.runs.audit_records import AuditResult
from tests.browser.chromium import (
    REQUESTS,
    as_desk,
    as_phone,
    prefer,
    severe,
    sideways,
    whole_page_png,
)
from tests.browser.screenshots import keep
from tests.fakes.simulations import simulation
from tests.fakes.whole_loop import pictures

pytestmark = [pytest.mark.browser, pytest.mark.long]

GROUND = "return getComputedStyle(document.body).backgroundColor"
BRAND = "return document.querySelector('.brand').textContent.trim()"
PLANTED = {
    "kinds": {"swap": {"planted": 40, "found": 36, "auroc": 0.91}},
    "top": {"10": {"precision": 0.9, "expected": 0.85, "lift": 9.1}},
}


def of_simulation(folder: Path) -> Path:
    write_report(simulation({"random": 0.0, "auto": 0.03, "entropy": 0.001}), folder)
    return folder / "report.html"


def of_sample(folder: Path) -> Path:
    painted, rng = pictures(folder / "images"), np.random.default_rng(0)
    count = len(painted.files)
    measured = Redundancy(
        images=count, sampled=count, near_duplicates=0.25, intrinsic_dimension=9.4,
        coverage_median=None, coverage_p95=None, spread=1.1,
    )  # fmt: skip
    sample = Sample(
        picks=(3, 1, 6, 0, 5), reasons=("few chosen images look like this",) * 5,
        excluded=frozenset({2}), collapsed=frozenset({4}), redundancy=measured, groups=(3, 4),
    )  # fmt: skip
    shown = ShownSample(
        sample=sample, names=tuple(file.stem for file in painted.files), files=painted.files,
        strategy="typiclust", seed=0, similarity=0.95,
        map=EmbeddingMap(places=rng.normal(size=(count, 2)).astype(np.float32), method="UMAP"),
    )  # fmt: skip
    page = folder / "sample.html"
    page.write_text(sample_page(shown, "field"), encoding="utf-8")
    return page


def of_audit(folder: Path) -> Path:
    painted, drawn = pictures(folder / "images"), []
    for rank, kind in enumerate(FindingType, start=1):
        found = Finding(
            image_id=rank, type=kind, labeled="crop", proposed="weed", box_yxyx=(90, 80, 160, 170),
            area_px=2400 - 300 * rank, score=0.9, expected_precision=0.97 - 0.1 * rank,
            reason="The label says crop; the model sees weed.", weak=rank == len(FindingType),
        )  # fmt: skip
        drawn.append(
            DrawnFinding(
                rank=rank, name=f"{'long_' * 9}{rank}", finding=found,
                picture=_strip(found, painted.files[rank], painted.masks[rank]),
            )
        )  # fmt: skip
    result = AuditResult(
        images=120, seconds=9.0, cpu_seconds_per_image=0.4, planted=PLANTED,
        findings=tuple(one.finding for one in drawn),
    )  # fmt: skip
    page = folder / "findings.html"
    page.write_text(audit_page(result, drawn), encoding="utf-8")
    return page


def _strip(found: Finding, file: Path, mask: np.ndarray) -> str:
    with Pillow.open(file) as picture:
        strip = finding_strip(found, np.asarray(picture), mask, np.roll(mask, 5, axis=1), 3)
    out = io.BytesIO()
    Pillow.fromarray(strip).save(out, format="JPEG")
    return base64.b64encode(out.getvalue()).decode()


@pytest.mark.parametrize("write", [of_simulation, of_sample, of_audit])
def test_a_report_has_our_brand_fits_a_phone_has_a_dark_look_and_asks_nobody(
    browser: webdriver.Chrome, tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    file = write(tmp_path)
    grounds = set()
    for look in ("light", "dark", "phone"):
        prefer(browser, "dark" if look == "dark" else "light")
        if look == "phone":
            as_phone(browser)
        browser.get(f"file://{file}")
        browser.execute_script(
            "for (const one of document.images) one.loading = 'eager';"
            "for (const one of document.querySelectorAll('details')) one.open = true"
        )
        grounds.add(browser.execute_script(GROUND))
        assert browser.execute_script(BRAND) == "Maskloop"
        assert sideways(browser) == []
        keep(whole_page_png(browser), "report", write.__name__.removeprefix("of_"), look)
    as_desk(browser)

    assert len(grounds) == 2
    foreign = browser.execute_script(REQUESTS)
    assert [one for one in foreign if not one.startswith("data:")] == []
    assert severe(browser) == []
