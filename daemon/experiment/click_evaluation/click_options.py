"""The options of `maskloop smart-eval`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from daemon.clicks.simulated_clicker import ClickRule
from daemon.clicks.walk_engines import COLOUR_WALK, PRIOR_WALK
from daemon.clicks.walk_features import WalkFeatures
from daemon.domain.errors import ExperimentRefused
from daemon.experiment.options import absolute_path, classes_given
from daemon.runs.click_worker_messages import SAM

CLICK_NET = "click_net"
ENGINES = (COLOUR_WALK, PRIOR_WALK)  # where nothing else is asked
KNOWN_ENGINES = (*ENGINES, CLICK_NET, SAM)
IN_WORKERS = (CLICK_NET, SAM)
NO_MODEL = "none"
MOST_CLICKS = 60


@dataclass(frozen=True, kw_only=True)
class ClickOptions:
    """The checked options.

    ids: FILE or splits.json:NAME, "" for all images with a mask. model: a checkpoint for the
    priors; None: no engine has one. click_net: what `maskloop train-clicks` wrote; None: there is
    none. sam_encoder, sam_decoder: ONNX files; None: there are none. clicks: at most, on an object.
    per_class: objects of each class, 0: all. from_model_mask: also from the model's mask, not only
    from nothing. against: the --out folder of another evaluation of the same objects; None: there
    is none.
    """

    images: Path
    masks: Path
    out: Path
    ids: str
    classes: tuple[str, ...]
    model: Path | None
    click_net: Path | None
    sam_encoder: Path | None
    sam_decoder: Path | None
    engines: tuple[str, ...]
    clicks: int
    rule: ClickRule
    per_class: int
    min_area_px: int
    from_model_mask: bool
    against: Path | None
    features: WalkFeatures
    seed: int
    threads: int
    device: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.epilog = (
        "Clicks on objects (connected parts of a class) as a person would who sees what is wrong, "
        "and says how many clicks each engine needs. Use images that the model was not trained on. "
        "Writes report.json into --out. Ctrl-C stops; the same command resumes."
    )
    add = parser.add_argument
    add("--images", type=Path, required=True, metavar="DIR", help="images, ID.jpg")
    add("--masks", type=Path, required=True, metavar="DIR", help="masks, 8 bits, 255 = ignore")
    add("--splits", default="", metavar="FILE", help="ids to click on, or splits.json:NAME (all)")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the report")
    add("--classes", default="", metavar="NAMES", help="class names by value, comma-separated")
    add("--model", required=True, metavar="FILE|none", help="a checkpoint, for the priors; or none")
    add("--click-net", type=Path, metavar="FILE", help=f"the network, for the engine {CLICK_NET}")
    for part in ("encoder", "decoder"):
        words = f"ONNX file of the {part}, for the engine {SAM} (daemon/smart_tool/README.md)"
        add(f"--sam-{part}", type=Path, metavar="FILE", help=words)
    add(
        "--engines",
        default=",".join(ENGINES),
        metavar="NAMES",
        help=f"comma-separated, the first is what others are compared with ({','.join(ENGINES)})",
    )
    add(
        "--against",
        type=Path,
        metavar="DIR",
        help="--out of another evaluation of the same objects, such as with another model: each "
        "engine is compared with itself there",
    )
    add("--clicks", type=int, default=20, metavar="N", help="at most, on an object (20)")
    _add_objects(parser)
    add("--seed", type=int, default=0, help="of the objects, the rule and the intervals (0)")
    add("--threads", type=int, default=0, metavar="N", help="of the model, 0: all (0)")
    add("--device", default="auto", help="of the model: auto, cpu, cuda or cuda:N (auto)")


def _add_objects(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--rule",
        type=ClickRule,
        choices=list(ClickRule),
        default=ClickRule.CENTRE,
        help="where in an error it clicks: its centre, any place, near the centre (centre)",
    )
    add("--per-class", type=int, default=20, metavar="N", help="objects of a class, 0: all (20)")
    add("--min-area", type=int, default=100, metavar="N", help="pixels of an object (100)")
    add("--from-model-mask", action="store_true", help="also correct the model's mask by clicks")
    add(
        "--features",
        type=WalkFeatures,
        choices=list(WalkFeatures),
        default=WalkFeatures.PLANTS,
        help="what walks compare: plants: colour and greenness, lab: colour (plants)",
    )


def read_options(given: argparse.Namespace) -> ClickOptions:
    """Check the options. Raises ExperimentRefused that says all that is wrong."""
    model = None if given.model == NO_MODEL else Path(given.model)
    engines = tuple(name.strip() for name in given.engines.split(","))
    if faults := [*_faults(given), *_model_faults(given, model, engines)]:
        raise ExperimentRefused("; ".join(faults))
    return ClickOptions(
        images=absolute_path(given.images, "--images"),
        masks=absolute_path(given.masks, "--masks"),
        out=absolute_path(given.out, "--out"),
        ids=given.splits,
        classes=classes_given(given.classes),
        model=None if model is None else absolute_path(model, "--model"),
        click_net=absolute_path(given.click_net, "--click-net") if given.click_net else None,
        sam_encoder=absolute_path(given.sam_encoder, "--sam-encoder")
        if given.sam_encoder
        else None,
        sam_decoder=absolute_path(given.sam_decoder, "--sam-decoder")
        if given.sam_decoder
        else None,
        engines=engines,
        clicks=given.clicks,
        rule=given.rule,
        per_class=given.per_class,
        min_area_px=given.min_area,
        from_model_mask=given.from_model_mask,
        against=absolute_path(given.against, "--against") if given.against else None,
        features=given.features,
        seed=given.seed,
        threads=given.threads,
        device=given.device,
    )


def _faults(given: argparse.Namespace) -> list[str]:
    faults = []
    if not 1 <= given.clicks <= MOST_CLICKS:
        faults.append(f"--clicks {given.clicks}: expected 1 to {MOST_CLICKS}")
    if given.min_area < 1:
        faults.append(f"--min-area {given.min_area}: expected 1 or more pixels")
    for option in ("per_class", "seed", "threads"):
        if getattr(given, option) < 0:
            name = option.replace("_", "-")
            faults.append(f"--{name} {getattr(given, option)}: expected 0 or more")
    return faults


def _model_faults(
    given: argparse.Namespace, model: Path | None, engines: tuple[str, ...]
) -> list[str]:
    faults = []
    unknown = [name for name in engines if name not in KNOWN_ENGINES]
    if unknown or len(set(engines)) < len(engines):
        faults.append(
            f"--engines {given.engines}: expected some of {', '.join(KNOWN_ENGINES)}, each once"
        )
    if model is not None and not model.is_file():
        faults.append(f"--model {model}: no such file; name a checkpoint, or none")
    if given.click_net is not None and not given.click_net.is_file():
        faults.append(f"--click-net {given.click_net}: no such file; name a click network")
    faults += _sam_faults(given, engines)
    if (CLICK_NET in engines) != (given.click_net is not None):
        faults.append(f"--engines {given.engines}: {CLICK_NET} and --click-net go together")
    if model is None and PRIOR_WALK in engines:
        faults.append(
            f"--engines {given.engines}: {PRIOR_WALK} needs probabilities; name a --model, or "
            f"{COLOUR_WALK} alone"
        )
    if model is None and given.from_model_mask:
        faults.append("--from-model-mask: there is no model; name a --model")
    return faults


def _sam_faults(given: argparse.Namespace, engines: tuple[str, ...]) -> list[str]:
    files = {"--sam-encoder": given.sam_encoder, "--sam-decoder": given.sam_decoder}
    faults = [
        f"{option} {path}: no such file; name an ONNX file"
        for option, path in files.items()
        if path is not None and not path.is_file()
    ]
    if any((SAM in engines) != (path is not None) for path in files.values()):
        faults.append(f"--engines {given.engines}: {SAM} and {' and '.join(files)} go together")
    return faults
