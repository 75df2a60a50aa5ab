"""The scores of whole images: padding, several windows, a student, images of hardly anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from daemon.domain.errors import RunFailed
from daemon.hrda.data.image_files import Picture
from daemon.hrda.inference.scored_images import Columns, Scoring, columns_of, score_images
from daemon.hrda.inference.whole_images import ImagePrediction, predict_image, window_of
from daemon.hrda.network.heads import resize
from daemon.hrda.network.segmentor import BranchResult, Segmentor
from daemon.hrda.network.windows import Box
from daemon.hrda.predict import finite
from daemon.runs.run_folder import ImageFile
from tests.hrda.plain import measures as plain
from tests.hrda.tiny import field, segmentor, spread

T = 1.6


def network(seed: int = 0, **changes: Any) -> Segmentor:
    return spread(segmentor(seed, **{"detail_window_px": 64, **changes})).requires_grad_(False)


def always(label: int, **changes: Any) -> Segmentor:
    """A network that predicts one class everywhere."""
    net = network(**changes)
    net.decoder.conv_seg.bias.data[label] = 1e4
    return net


def picture(height: int, width: int) -> Picture:
    image: Picture = field(np.random.default_rng(0), max(height, width, 16))[0]
    return image[:height, :width]


def scored(net: Segmentor, image: Picture, **changes: Any) -> Columns:
    return score_images(net, [image], Scoring(**{"temperature": T, **changes}))[0].columns()


def look(net: Segmentor, image: Picture) -> tuple[BranchResult, ImagePrediction]:
    """The branches of an image of one window, with its padding."""
    height, width = (-(-side // 64) * 64 for side in image.shape[:2])
    x = window_of([image], net.mean, Box(0, 0, height, width))
    side = net.settings.detail_window_px
    return net.branch_inference(x, side, side // 2), predict_image(net, image)


@pytest.mark.parametrize(
    "changes", [{}, {"detail_window_px": 128, "window_px": 256}, {"architecture": "segformer"}]
)
def test_an_image_with_padding_has_the_measures_of_the_slow_version(
    changes: dict[str, Any],
) -> None:
    net, image = network(**changes), picture(75, 101)
    result, prediction = look(net, image)
    logits = prediction.logits.numpy()
    p, label = plain.softmax(logits, T), plain.labels(logits)
    inputs = result.detail.inputs
    if result.context is not None and result.attention is not None:
        size = result.fused.shape[2:]
        near = (1 - result.attention).unsqueeze(2) * result.context.inputs.unsqueeze(1)
        inputs = resize(near.flatten(1, 2), size).unflatten(1, near.shape[1:3])
        inputs = (
            inputs + resize(result.attention, size).unsqueeze(2) * result.detail.inputs[:, None]
        )
    foreground = np.zeros(result.fused.shape[2:], np.bool_)
    foreground[:19, :26] = label != 0
    maps = [features[0].numpy() for features in result.features[-2:]]

    found = scored(net, image)

    assert found["uncertainty"] == pytest.approx(plain.uncertainty(p), abs=1e-5)
    assert np.allclose(found["class_uncertainty"], plain.class_uncertainty(p, label), atol=1e-5)
    assert found["objects"].tolist() == plain.objects(label, 3).tolist()
    assert found["border"] == pytest.approx(plain.border(label))
    expected = plain.foreground_embedding(maps, foreground)
    assert np.allclose(found["foreground_embeddings"], expected, atol=1e-5)
    gradient = plain.gradient(p, inputs[0, ..., :19, :26].numpy())
    assert np.allclose(found["gradients"], gradient, atol=1e-4 * np.abs(gradient).max())
    assert np.array_equal(found["embeddings"], prediction.embedding)
    if result.context is None:
        assert "scale_disagreement" not in found
        return
    context, detail = (
        plain.softmax(maps[0, :, :19, :26].numpy(), T)
        for maps in (resize(result.context.logits, result.fused.shape[2:]), result.detail.logits)
    )
    assert found["scale_disagreement"] == pytest.approx(
        plain.disagreement(context, detail), abs=1e-5
    )


def test_columns_are_those_that_were_announced() -> None:
    for changes, student in ({}, None), ({"architecture": "segformer"}, network(1)):
        net = network(**changes)
        scoring = Scoring(student=student if student is None else network(1, **changes))

        found = score_images(net, [picture(64, 64)], scoring)[0].columns()

        assert {name: column.shape for name, column in found.items()} == columns_of(net, scoring)
        assert all(column.dtype == np.float32 for column in found.values())


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (140, 90)])
@pytest.mark.parametrize("changes", [{}, {"framing": "fit"}, {"architecture": "segformer"}])
def test_images_of_any_size_have_finite_scores(
    size: tuple[int, int], changes: dict[str, Any]
) -> None:
    net, image = network(**changes), picture(*size)

    found = scored(net, image, student=network(1, **changes))

    logits = predict_image(net, image).logits.numpy()
    p, label = plain.softmax(logits, T), plain.labels(logits)
    assert all(np.isfinite(column).all() for column in found.values())
    assert found["uncertainty"] == pytest.approx(plain.uncertainty(p), abs=1e-5)
    assert np.allclose(found["class_share"], plain.class_share(label, 3), atol=1e-6)
    for name in ("margin", "least_confidence", "foreground_uncertainty", "teacher_disagreement"):
        assert 0 <= found[name] <= 1


def test_without_foreground_its_measures_are_zero() -> None:
    found = scored(always(0), picture(70, 90))

    assert not found["foreground_embeddings"].any()
    assert found["foreground_uncertainty"] == 0
    assert found["class_uncertainty"][1:].tolist() == [0, 0]
    assert found["objects"].tolist() == [1, 0, 0]
    assert found["border"] == 0


def test_an_image_of_foreground_only_has_its_embedding_as_that_of_the_foreground() -> None:
    found = scored(always(1), picture(64, 128))

    assert np.allclose(found["foreground_embeddings"], found["embeddings"], atol=1e-5)
    assert found["objects"].tolist() == [0, 1, 0]


def test_the_temperature_changes_uncertainties_but_no_predicted_class() -> None:
    net, image = network(), picture(64, 64)

    sharp, flat = scored(net, image, temperature=0.5), scored(net, image, temperature=8.0)

    for name in ("uncertainty", "margin", "least_confidence"):
        assert sharp[name] < flat[name]
    for name in ("class_share", "objects", "border", "foreground_embeddings", "embeddings"):
        assert np.array_equal(sharp[name], flat[name])


def test_a_student_that_is_the_teacher_agrees_and_another_differs() -> None:
    net, image = network(), picture(64, 64)
    other = network(1)

    same = scored(net, image, student=network(), student_temperature=T)
    found = scored(net, image, student=other, student_temperature=3.0)

    assert same["teacher_disagreement"] == pytest.approx(0, abs=1e-6)
    p = plain.softmax(predict_image(net, image).logits.numpy(), T)
    q = plain.softmax(predict_image(other, image).logits.numpy(), 3.0)
    assert found["teacher_disagreement"] == pytest.approx(plain.disagreement(p, q), abs=1e-5)
    assert "teacher_disagreement" not in scored(net, image)


def test_images_of_one_pass_have_the_scores_of_each_alone() -> None:
    net = network()
    images = [field(np.random.default_rng(row), 64)[0] for row in range(3)]

    together = score_images(net, images, Scoring())

    for image, found in zip(images, together, strict=True):
        alone = scored(net, image, temperature=1.0)
        for name, column in found.columns().items():
            assert np.allclose(column, alone[name], atol=1e-4), name


def test_a_number_that_is_not_finite_is_refused_with_its_image(tmp_path: Any) -> None:
    net = network()
    net.decoder.conv_seg.bias.data[0] = torch.nan
    file = ImageFile(id=7, image=tmp_path / "seven.png")

    with pytest.raises(RunFailed, match=r"image 7 .*seven\.png.*uncertainty is nan"):
        finite(file, scored(net, picture(64, 64)))
