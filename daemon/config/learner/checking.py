"""The settings of a preset, a method and a person's changes; all faults at once, with ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic.dataclasses import is_pydantic_dataclass
from pydantic.fields import FieldInfo

from daemon.config.learner.model import Settings
from daemon.config.learner.presets import METHODS, PRESETS
from daemon.config.ranges import expected, nearest
from daemon.domain.errors import ConfigError
from daemon.domain.formatting import short_repr

TABLES: Mapping[str, Mapping[str, Any]] = {"preset": PRESETS, "method": METHODS}
# These decide the shape of the network: a warm start needs the parent's.
NETWORK = (
    "architecture", "encoder", "encoder_config", "encoder_module", "width", "fusion",
    "attention_classwise", "fixed_attention",
)  # fmt: skip
# These decide the embedding of an image before there is a model.
ENCODER = (
    "encoder", "encoder_config", "encoder_module", "encoder_weights", "encoder_weights_sha256",
)  # fmt: skip
# These may change for a trained model; it keeps the others.
INFERENCE = (
    "window_px", "detail_window_px", "detail_overlap", "overlap_megapixels", "chunk", "precision",
)  # fmt: skip


def settings_of(changes: Mapping[str, Any]) -> Settings:
    """The settings of the preset and then of the method that `changes` names, then the changes.

    Without a name they are `cpu` and `hrda`. Raises ConfigError that lists every fault: unknown
    names, wrong types, values outside their range, values that contradict each other.
    """
    faults = faults_of(changes)
    if faults:
        words = "\n  ".join(words for found in faults.values() for words in found)
        raise ConfigError(f"settings of the learner:\n  {words}")
    return Settings(**_values(changes))


def faults_of(changes: Mapping[str, Any]) -> dict[str, list[str]]:
    """Setting -> messages about it; empty when all settings are possible."""
    faults: dict[str, list[str]] = {}
    fields = fields_of_settings()
    for name in changes:
        if name not in fields:
            faults[name] = [f"{name}: unknown setting{nearest(name, fields)}"]
    for name, table in TABLES.items():
        value = changes.get(name, next(iter(table)))
        if not isinstance(value, str) or value not in table:
            near = nearest(value, table) if isinstance(value, str) else ""
            words = f"expected one of {', '.join(table)}{near}"
            faults.setdefault(name, []).append(f"{name} = {short_repr(value)}: {words}")
    usable = {name: value for name, value in changes.items() if name not in faults}
    values = _values(usable)
    for name, words in _out_of_range(values, fields):
        faults.setdefault(name, []).append(words)
    sound = {name: value for name, value in values.items() if name not in faults}
    for names, words in _contradictions(Settings(**sound)):
        if not any(name in faults for name in names):
            faults.setdefault(_written_name(names, changes), []).append(words)
    return faults


def fields_of_settings() -> Mapping[str, FieldInfo]:
    """Every setting by name, with its type, range and description."""
    if not is_pydantic_dataclass(Settings):
        raise TypeError("Settings has to be a dataclass of pydantic")
    return Settings.__pydantic_fields__


def resolved(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting by name after these changes; unchecked, so that settings of an older release
    can be compared too."""
    preset = PRESETS.get(str(changes.get("preset", "cpu")), {})
    method = METHODS.get(str(changes.get("method", "hrda")), {})
    return {**vars(Settings()), **preset, **method, **changes}


def _values(changes: Mapping[str, Any]) -> dict[str, Any]:
    preset = PRESETS[changes.get("preset", "cpu")]
    return {**preset, **METHODS[changes.get("method", "hrda")], **changes}


def _out_of_range(
    values: Mapping[str, Any], fields: Mapping[str, FieldInfo]
) -> Iterator[tuple[str, str]]:
    try:
        Settings(**values)
    except ValidationError as exc:
        for name in dict.fromkeys(str(error["loc"][0]) for error in exc.errors()):
            refusal = next(error for error in exc.errors() if error["loc"][0] == name)
            words = f"expected {expected(fields[name])} ({fields[name].description})"
            if refusal["type"] == "value_error":
                words = str(refusal["ctx"]["error"])
            yield name, f"{name} = {short_repr(values[name])}: {words}"


def _contradictions(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Values that are possible alone but not together: (their names, message)."""
    rules: dict[tuple[str, ...], tuple[bool, str]] = {
        ("detail_px", "context_px"): (
            settings.detail_px <= settings.context_px,
            "expected detail_px of at most context_px",
        ),
        ("detail_window_px", "window_px"): (
            settings.detail_window_px <= settings.window_px // 2,
            "expected detail_window_px of at most half of window_px",
        ),
        ("unlabeled_minibatch", "minibatch"): (
            settings.unlabeled_minibatch <= settings.minibatch,
            "expected unlabeled_minibatch of at most minibatch",
        ),
        ("scale_low", "scale_high"): (
            settings.scale_low <= settings.scale_high,
            "expected scale_low of at most scale_high",
        ),
        ("detail_loss", "context_loss"): (
            settings.detail_loss + settings.context_loss <= 1,
            "expected at most 1 together",
        ),
        ("learning_rate_least", "learning_rate"): (
            settings.learning_rate_least <= settings.learning_rate,
            "expected learning_rate_least of at most learning_rate",
        ),
        ("keep_best", "keep_consistent"): (
            not (settings.keep_best and settings.keep_consistent),
            "expected at most one of them to be true",
        ),
        ("pseudo_margins_px",): (
            len(settings.pseudo_margins_px) == 4,
            "expected four numbers: top, bottom, left, right",
        ),
    }
    for names, (holds, words) in rules.items():
        if not holds:
            values = ", ".join(f"{name} = {short_repr(getattr(settings, name))}" for name in names)
            yield names, f"{values}: {words}"


def _written_name(names: tuple[str, ...], changes: Mapping[str, Any]) -> str:
    """The one of the settings that a person wrote, so that the fault is shown at its line."""
    return next((name for name in names if name in changes), names[0])
