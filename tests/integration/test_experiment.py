"""`maskloop experiment`, whole, with the quick learner."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from daemon.domain.errors import ExperimentRefused, RunFailed
from daemon.experiment.recipes.experiment_records import AuditFinding, AuditOutcome
from daemon.experiment.recipes.label_audit_request import AuditRequest
from daemon.runs.run_folder import RunFolder, TrainRequest
from tests.fakes.launcher import ForkLauncher
from tests.integration.recipe_field import RECIPE, experiment, make_home, report


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of a finished experiment."""
    recipe = make_home(tmp_path_factory.mktemp("field"))
    assert experiment(recipe)[0] == 0
    return recipe


def asked(recipe: Path, arm: str, seed: int) -> TrainRequest:
    run = RunFolder(recipe.parent / f"out/arms/{arm}/seed-{seed}/train")
    return run.read_request(TrainRequest)


def test_each_arm_trains_on_its_labels_and_no_other_learns_from_the_pool(finished: Path) -> None:
    runs = {(run["arm"], run["seed"]): run for run in report(finished)["runs"]}
    counts = {key: (run["train_labels"], run["unlabeled"]) for key, run in runs.items()}

    assert counts == {
        **{("hrda", seed): (5, 12) for seed in (0, 1, 2)},
        **{("few", seed): (2, 0) for seed in (0, 1, 2)},
        ("all", 0): (17, 0),
    }
    few, sample = asked(finished, "few", 0), asked(finished, "hrda", 0)
    assert few.labeled == sample.labeled[:2]
    assert asked(finished, "hrda", 2).labeled == sample.labeled


def test_an_interval_needs_more_than_one_run(finished: Path) -> None:
    arms = {arm["arm"]: arm["miou"] for arm in report(finished)["figures"]["arms"]}
    shares = {(s["arm"], s["reference"]): s for s in report(finished)["figures"]["shares"]}

    assert arms["all"]["interval"] is None
    low, high = arms["hrda"]["interval"]
    assert low <= arms["hrda"]["mean"] <= high
    assert shares["hrda", "all"]["reached"]["interval"] is None  # one pair
    assert shares["hrda", "somebody's figure"]["reached"]["pairs"] == 3


def test_the_page_stands_alone_and_says_what_was_not_done(finished: Path) -> None:
    page = (finished.parent / "out/report.html").read_text()

    assert not re.findall(r"<script|(?:src|href)=\"(?!data:|#)|url\(|@import|https?:", page)
    assert "&lt;b&gt;no&lt;/b&gt; field" in page
    assert "not done: the folds hold" in page  # five labels are too few to audit
    assert "one pair, no interval" in page
    assert "No masks yet" not in page
    assert page.count("data:image/") == 3 * (2 + 2 * 3)  # best, median, worst; three arms


def test_the_shown_images_are_the_best_the_median_and_the_worst_of_the_first_arm(
    finished: Path,
) -> None:
    found = report(finished)
    first = next(run for run in found["runs"] if (run["arm"], run["seed"]) == ("hrda", 0))
    ranked = sorted(first["image_miou"].values())

    shown = {one["rule"]: one["image_miou"] for one in found["shown"]}

    assert shown == {"best": ranked[-1], "median": ranked[4], "worst": ranked[0]}


def test_the_same_command_trains_nothing_again_and_more_seeds_only_what_is_new(
    tmp_path: Path,
) -> None:
    recipe = make_home(tmp_path)
    experiment(recipe, "--arms", "few,all", "--seeds", "0")
    before = (tmp_path / "out/arms/few/seed-0/train/starts.txt").read_text()

    code, printed = experiment(recipe, "--arms", "few,all", "--seeds", "0,1", "--parallel", "2")

    assert code == 0
    assert "4 trainings, 2 of them done" in printed
    assert (tmp_path / "out/arms/few/seed-0/train/starts.txt").read_text() == before
    assert len(report(recipe)["runs"]) == 4


def test_another_experiment_in_the_folder_is_refused_with_what_differs(tmp_path: Path) -> None:
    recipe = make_home(tmp_path)
    experiment(recipe, "--arms", "few", "--seeds", "0")

    with pytest.raises(ExperimentRefused, match=r"differs in recipe\.sample; name another folder"):
        experiment(recipe, "--arms", "few", "--seeds", "0", "--set", "sample.n=6")
    first, second = sorted((tmp_path / "masks").iterdir())[:2]
    first.write_bytes(second.read_bytes())
    with pytest.raises(ExperimentRefused, match=r"differs in files\.pool"):
        experiment(recipe, "--arms", "few", "--seeds", "0")


def test_a_training_that_fails_leaves_the_others_and_is_tried_again(tmp_path: Path) -> None:
    broken = RECIPE.replace("labels = 2", "labels = 2\nsettings = { encoder = 'FAILS' }")
    recipe = make_home(tmp_path, broken)

    class Fails(ForkLauncher):
        def advance(self, run: RunFolder, command: str) -> bool:
            if "few" in str(run.path) and command == "train":
                raise RuntimeError("no such encoder")
            return super().advance(run, command)

    code, printed = experiment(recipe, "--seeds", "0", make_launcher=Fails)

    assert code == 1
    assert "few seed 0: unexpected: RuntimeError: no such encoder" in printed
    assert [run["arm"] for run in report(recipe)["runs"]] == ["hrda", "all"]
    assert experiment(recipe, "--seeds", "0")[0] == 0  # now it can be trained


def test_the_plan_says_what_is_done_and_writes_nothing(tmp_path: Path) -> None:
    recipe = make_home(tmp_path)

    code, printed = experiment(recipe, "--print-plan")

    assert code == 0
    assert "7 trainings, 0 of them done; about " in printed
    assert "hrda: hrda, 5 labels and 12 unlabeled, 600 iterations, seeds 0, 1, 2: about" in printed
    assert not (tmp_path / "out").exists()


def test_an_audit_that_is_installed_is_called_with_the_labels(tmp_path: Path) -> None:
    recipe = make_home(tmp_path)
    given: list[AuditRequest] = []

    def audit(request: AuditRequest) -> AuditOutcome:
        given.append(request)
        finding = AuditFinding(image=request.labeled[0], words="a weed has no label")
        return AuditOutcome(done=True, words="5 labels checked", findings=(finding,))

    def broken(request: AuditRequest) -> AuditOutcome:
        raise RunFailed("the audit fell over")

    code, printed = experiment(recipe, "--arms", "few", "--seeds", "0", audit=broken)
    assert (code, len(report(recipe)["runs"])) == (1, 1)  # the arms are trained all the same
    assert "audit: the audit fell over" in printed
    code, _ = experiment(recipe, "--arms", "few", "--seeds", "0", audit=audit)

    assert code == 0
    assert [list(request.labeled) for request in given] == [report(recipe)["choice"]["labeled"]]
    assert report(recipe)["audit"]["findings"][0]["words"] == "a weed has no label"


@pytest.mark.parametrize(("leaks", "labels", "tested"), [("remove", 3, 7), ("allow", 3, 9)])
def test_leaks_are_removed_or_said(tmp_path: Path, leaks: str, labels: int, tested: int) -> None:
    recipe = make_home(tmp_path, RECIPE.replace("[sample]", f'leaks = "{leaks}"\n\n[sample]'))
    lists = json.loads((tmp_path / "splits.json").read_text())
    images, masks = tmp_path / "images", tmp_path / "masks"
    originals = [*lists["test"][:2], lists["pool"][0]]
    for row, name in enumerate(originals):  # copies under another name, as the published set has
        for folder in (images, masks):
            (folder / f"0{row}_{name}.png").write_bytes((folder / f"{name}.png").read_bytes())
    lists["labeled"] = [f"0{row}_{name}" for row, name in enumerate(originals)]
    (tmp_path / "splits.json").write_text(json.dumps(lists))
    words = ("--set", 'lists.labeled="splits.json:labeled"', "--arms", "hrda", "--seeds", "0")

    with pytest.raises(ExperimentRefused, match="2 pictures in both"):
        experiment(recipe, *words, "--set", "lists.leaks=refuse")
    assert experiment(recipe, *words)[0] == 0

    [run] = report(recipe)["runs"]
    assert (run["train_labels"], len(run["image_miou"])) == (labels, tested)
    assert run["unlabeled"] == (16 if leaks == "remove" else 17)
    assert "in test and labeled too: 2 pictures" in report(recipe)["choice"]["words"][0]
