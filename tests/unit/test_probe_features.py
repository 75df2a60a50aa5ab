from __future__ import annotations

from pathlib import Path

from daemon.experiment.simulation.probe import features_key
from daemon.runs.run_folder import FeaturesRequest, ImageFile


def key_of(*images: Path, **changes: object) -> str:
    files = tuple(ImageFile(id=row, image=path) for row, path in enumerate(images))
    return features_key(FeaturesRequest.model_validate({"images": files, **changes}))


def written(folder: Path, *contents: str) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{row}.png" for row in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(content)
    return paths


def test_the_same_images_share_their_features_wherever_they_lie(tmp_path: Path) -> None:
    first, other = written(tmp_path / "a", "x", "y"), written(tmp_path / "b", "y", "x")

    assert key_of(*first) == key_of(*other) == key_of(*first, *other, device="cpu", threads=1)


def test_other_bytes_another_encoder_and_other_cells_are_other_features(tmp_path: Path) -> None:
    (image,), (changed,) = written(tmp_path / "a", "x"), written(tmp_path / "b", "z")
    keys = [
        key_of(image),
        key_of(changed),
        key_of(image, settings={"encoder": "mit_b0"}),
        key_of(image, channels=32),
        key_of(image, seed=1),
        key_of(image, tmp_path / "gone.png"),  # it is left out until it is there
    ]

    assert len(set(keys)) == len(keys)
