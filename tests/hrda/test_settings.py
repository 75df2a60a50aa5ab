from __future__ import annotations

import pytest

from daemon.errors import ConfigError
from daemon.hrda.settings import PRESETS, Settings, settings_of


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_possible_settings(preset: str) -> None:
    assert settings_of({"preset": preset}).preset == preset


def test_a_request_changes_single_settings_of_its_preset() -> None:
    settings = settings_of({"preset": "paper", "iterations": 7, "alpha": 1})

    assert (settings.iterations, settings.alpha, settings.encoder) == (7, 1.0, "mit_b5")


def test_no_changes_are_the_cpu_preset() -> None:
    assert settings_of({}) == Settings()


def test_all_faults_come_in_one_message() -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of({"itterations": 3, "minibatch": "many", "alpha": True})

    for words in ("itterations: unknown", "minibatch = 'many': expected int", "alpha = True"):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("context_px", 100),
        ("detail_px", 512),
        ("detail_window_px", 8192),
        ("iterations", 0),
        ("alpha", 1.5),
        ("fusion", "glue"),
        ("precision", "fp8"),
        ("scale_low", 9.0),
        ("rare_temperature", 0.0),
        ("preset", "quantum"),
    ],
)
def test_impossible_values_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        settings_of({name: value})
