from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from daemon.config.learner import PRESETS, Settings, fields_of_settings, settings_of
from daemon.domain.errors import ConfigError


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

    for words in (
        "itterations: unknown setting; did you mean iterations?",
        "minibatch = 'many': expected a whole number from 1 to 1024",
        "alpha = True: expected a number from 0 to 1",
    ):
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
        ("mix_classes", "soil"),
        ("teacher_norms", "none"),
        ("pseudo_margins_px", [1, 2]),
        ("pseudo_margins_px", "wide"),
        ("feature_classes", [1.5]),
        ("context_loss", 0.95),
        ("masked_ratio", 1.1),
        ("rare_pixels", -1),
        ("learning_rate", -0.001),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("learning_rate", 0.0),
        ("learning_rate_least", 0.5),
        ("head_rate", -1.0),
        ("weight_decay", -0.1),
        ("clip_norm", -10.0),
        ("clip_norm", math.nan),
        ("warm_start_rate", 0.0),
        ("dice_loss", -1.0),
        ("unlabeled_weight", math.inf),
        ("save_every_s", math.nan),
        ("labeled_jitter", -0.2),
        ("iterations", 10**12),
        ("width", 10**6),
        ("minibatch", 10**9),
        ("feature_classes", [-1]),
        ("encoder_weights", "$NO_SUCH_VARIABLE/weights.pth"),
    ],
)
def test_impossible_values_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        settings_of({name: value})


def numbers(preset: str) -> Mapping[str, float]:
    found = vars(settings_of({"preset": preset}))
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


@pytest.mark.parametrize("name", numbers("cpu"))
def test_every_number_has_a_range_and_is_finite(name: str) -> None:
    for value in (math.nan, math.inf, -math.inf, -1, 10**400, 1e300, "1"):
        with pytest.raises(ConfigError, match=rf"{name} = .*: expected a"):
            settings_of({name: value})


@pytest.mark.parametrize("name", fields_of_settings())
def test_every_setting_says_what_it_means(name: str) -> None:
    assert fields_of_settings()[name].description


def test_lists_of_numbers_are_taken_as_they_come_from_json() -> None:
    settings = settings_of({"feature_classes": [1, 2], "pseudo_margins_px": [30, 240, 30, 30]})

    assert settings.feature_classes == (1, 2)
    assert settings.pseudo_margins_px == (30, 240, 30, 30)


def test_paper_and_app_differ_where_their_configurations_do() -> None:
    paper, app = (settings_of({"preset": name}) for name in ("paper", "supervisely"))

    assert (paper.alpha, app.alpha) == (0.999, 0.99)
    assert (paper.feature_distance, app.feature_distance) == (0.005, 0)
    assert (paper.rare_class, app.rare_class) == (1, 0)
    assert (paper.weight_decay, app.weight_decay) == (0.01, 1e-4)
    assert (paper.context_px, app.context_px) == (2 * paper.detail_px, 2 * app.detail_px)
    assert (round(paper.warmup * paper.iterations), round(app.warmup * app.iterations)) == (
        1500,
        200,
    )
    same = ("mix_classes", "pseudo_weight", "teacher_norms", "loss_over", "mask_padding",
            "strong_law", "mixed_jitter", "detail_boxes", "evaluated", "schedule")  # fmt: skip
    assert all(getattr(paper, name) == getattr(app, name) for name in same)
