"""Settings of the learner from what a person wrote: all faults at once, each with its range."""

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

NAMED: Mapping[str, Mapping[str, Any]] = {"preset": PRESETS, "method": METHODS}
# What decides the shape of the network: a model with others cannot be the start of a training.
NETWORK = (
    "architecture", "encoder", "encoder_config", "encoder_module", "width", "fusion",
    "attention_classwise", "fixed_attention",
)  # fmt: skip
# What decides the embedding of an image before there is a model.
ENCODER = (
    "encoder", "encoder_config", "encoder_module", "encoder_weights", "encoder_weights_sha256",
)  # fmt: skip
# What a finished model is used with; the rest is its own.
INFERENCE = (
    "window_px", "detail_window_px", "detail_overlap", "overlap_megapixels", "chunk", "precision",
)  # fmt: skip


def settings_of(changes: Mapping[str, Any]) -> Settings:
    """The preset that `changes` names, its method on top, then the other changes.

    Without a name they are `cpu` and `hrda`.

    Raises ConfigError that lists every fault: unknown names, wrong types, impossible sizes.
    """
    faults = faults_of(changes)
    if faults:
        words = "\n  ".join(words for found in faults.values() for words in found)
        raise ConfigError(f"settings of the learner:\n  {words}")
    return Settings(**_values(changes))


def faults_of(changes: Mapping[str, Any]) -> dict[str, list[str]]:
    """Setting -> what is wrong with it, in words. Empty when all is well."""
    faults: dict[str, list[str]] = {}
    fields = fields_of_settings()
    for name in changes:
        if name not in fields:
            faults[name] = [f"{name}: unknown setting{nearest(name, fields)}"]
    for name, table in NAMED.items():
        value = changes.get(name, next(iter(table)))
        if not isinstance(value, str) or value not in table:
            near = nearest(value, table) if isinstance(value, str) else ""
            words = f"expected one of {', '.join(table)}{near}"
            faults.setdefault(name, []).append(f"{name} = {short_repr(value)}: {words}")
    usable = {name: value for name, value in changes.items() if name not in faults}
    values = _values(usable)
    for name, words in _refused(values, fields):
        faults.setdefault(name, []).append(words)
    sound = {name: value for name, value in values.items() if name not in faults}
    for names, words in _contradictions(Settings(**sound)):
        if not any(name in faults for name in names):
            faults.setdefault(_changed(names, changes), []).append(words)
    return faults


def fields_of_settings() -> Mapping[str, FieldInfo]:
    """Every setting by name, with its type, range and description."""
    if not is_pydantic_dataclass(Settings):
        raise TypeError("Settings has to be a dataclass of pydantic")
    return Settings.__pydantic_fields__


def resolved(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting by name, as these changes mean it; unchecked, so that settings of an older
    version can be compared too."""
    preset = PRESETS.get(str(changes.get("preset", "cpu")), {})
    method = METHODS.get(str(changes.get("method", "hrda")), {})
    return {**vars(Settings()), **preset, **method, **changes}


def _values(changes: Mapping[str, Any]) -> dict[str, Any]:
    preset = PRESETS[changes.get("preset", "cpu")]
    return {**preset, **METHODS[changes.get("method", "hrda")], **changes}


def _refused(
    values: Mapping[str, Any], fields: Mapping[str, FieldInfo]
) -> Iterator[tuple[str, str]]:
    try:
        Settings(**values)
    except ValidationError as exc:
        for name in dict.fromkeys(str(error["loc"][0]) for error in exc.errors()):
            said = next(error for error in exc.errors() if error["loc"][0] == name)
            words = f"expected {expected(fields[name])} ({fields[name].description})"
            if said["type"] == "value_error":
                words = str(said["ctx"]["error"])
            yield name, f"{name} = {short_repr(values[name])}: {words}"


def _contradictions(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Values that are possible alone and not together: (their names, words)."""
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
        ("pseudo_margins_px",): (
            len(settings.pseudo_margins_px) == 4,
            "expected four numbers: top, bottom, left, right",
        ),
    }
    for names, (holds, words) in rules.items():
        if not holds:
            values = ", ".join(f"{name} = {short_repr(getattr(settings, name))}" for name in names)
            yield names, f"{values}: {words}"


def _changed(names: tuple[str, ...], changes: Mapping[str, Any]) -> str:
    """Which of the settings a person wrote, so that the fault stands at that line."""
    return next((name for name in names if name in changes), names[0])
