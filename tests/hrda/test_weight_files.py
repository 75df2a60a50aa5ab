"""Files of encoder weights by whoever wrote them: mmseg, NVIDIA, HRDA; and what is no such file."""

from __future__ import annotations

import builtins
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn

from daemon.domain.errors import ConfigError
from daemon.hrda.network.encoders import build_encoder, load_imagenet
from daemon.hrda.network.weight_files import encoder_tensors
from tests.hrda.plain.mix_transformer import features
from tests.hrda.tiny import tiny

MIT = tiny(encoder="mit_b0")


def random_encoder(seed: int) -> nn.Module:
    """MiT-B0 in which every number is random, those of norms and biases too."""
    encoder, rng = build_encoder(MIT).eval(), torch.Generator().manual_seed(seed)
    for tensor in encoder.parameters():
        tensor.data += 0.05 * torch.randn(tensor.shape, generator=rng)
    return encoder


def nvidia_names(encoder: nn.Module) -> dict[str, Tensor]:
    """The encoder's tensors under NVIDIA's names, with a classifier as in the ImageNet files."""
    found = {"head.weight": torch.zeros(1000, 256), "head.bias": torch.zeros(1000)}
    for name, tensor in encoder.state_dict().items():
        _, stage, part, rest = name.split(".", 3)
        number = int(stage) + 1
        if part == "0":
            rest = rest.replace("projection", "proj")
            found[f"patch_embed{number}.{rest}"] = tensor
        elif part == "2":
            found[f"norm{number}.{rest}"] = tensor
        elif "in_proj_" in rest:
            block, kind = rest.split(".")[0], rest.rpartition("_")[2]
            channels = len(tensor) // 3
            found[f"block{number}.{block}.attn.q.{kind}"] = tensor[:channels]
            found[f"block{number}.{block}.attn.kv.{kind}"] = tensor[channels:]
        else:
            linear = "ffn.layers.0.weight" in rest or "ffn.layers.4.weight" in rest
            rest = rest.replace("attn.attn.out_proj", "attn.proj")
            rest = rest.replace("ffn.layers.0", "mlp.fc1").replace("ffn.layers.4", "mlp.fc2")
            rest = rest.replace("ffn.layers.1", "mlp.dwconv.dwconv")
            found[f"block{number}.{rest}"] = tensor[:, :, 0, 0] if linear else tensor
    return found


def loaded(path: Path) -> nn.Module:
    encoder = build_encoder(MIT).eval()
    load_imagenet(encoder, tiny(encoder="mit_b0", encoder_weights=str(path)))
    return encoder


@torch.no_grad()
def outputs(encoder: nn.Module) -> list[Tensor]:
    return list(encoder(torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(7))))


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        loaded(path)
    words = str(refused.value)
    assert words.startswith(f"encoder_weights: {path}: ")
    assert len(words.splitlines()) == 2
    assert len(words) < 200 + len(str(path)) + 300
    return words


def test_a_training_checkpoint_of_mmseg_with_its_log_is_read(tmp_path: Path) -> None:
    source = random_encoder(0)
    log = MessageHub.get_instance("a training")
    log.update_scalar("train/loss", 0.5)
    log.update_scalar("train/lr", np.float64(1e-3))
    log.update_info("iter", np.int64(40))
    optimizer = torch.optim.AdamW(source.parameters())
    checkpoint = {
        "meta": {"mmseg_version": "1.2.2", "dataset_meta": {"classes": ("soil", "weed")}},
        "state_dict": OrderedDict(
            {f"backbone.{name}": t for name, t in source.state_dict().items()},
            **{"decode_head.conv_seg.weight": torch.zeros(2, 8, 1, 1)},
        ),
        "message_hub": log.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    torch.save(checkpoint, tmp_path / "iter_40.pth")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "iter_40.pth", weights_only=True)

    assert same(outputs(loaded(tmp_path / "iter_40.pth")), outputs(source))


def test_weights_by_nvidias_names_give_the_outputs_of_mmsegs_names(tmp_path: Path) -> None:
    source = random_encoder(1)
    torch.save(nvidia_names(source), tmp_path / "mit_b0.pth")
    torch.save(source.state_dict(), tmp_path / "converted.pth")

    nvidia, mmseg = loaded(tmp_path / "mit_b0.pth"), loaded(tmp_path / "converted.pth")

    assert same(outputs(nvidia), outputs(mmseg))


def test_weights_by_nvidias_names_mean_what_nvidias_network_computes(tmp_path: Path) -> None:
    weights = nvidia_names(random_encoder(2))
    torch.save(weights, tmp_path / "mit_b0.pth")
    x = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(7))

    with torch.no_grad():
        plain = features(weights, x)

    for one, other in zip(outputs(loaded(tmp_path / "mit_b0.pth")), plain, strict=True):
        assert torch.allclose(one, other, atol=1e-3)


def test_of_a_checkpoint_of_hrda_the_student_is_taken(tmp_path: Path) -> None:
    source, teacher = random_encoder(3), random_encoder(4)
    tensors = {f"ema_model.backbone.{name}": t for name, t in nvidia_names(teacher).items()}
    tensors |= {f"model.backbone.{name}": t for name, t in nvidia_names(source).items()}
    torch.save({"meta": {"iter": 1}, "state_dict": tensors}, tmp_path / "latest.pth")

    assert same(outputs(loaded(tmp_path / "latest.pth")), outputs(source))


class Call:
    """Pickled as a call of a function, which a careless reader would do."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


HOSTILE: Mapping[str, Callable[[Path], Call]] = {
    "posix.system": lambda mark: Call(os.system, f"touch {mark}"),
    "builtins.eval": lambda mark: Call(eval, f"open({str(mark)!r}, 'w')"),
    "builtins.exec": lambda mark: Call(builtins.exec, f"open({str(mark)!r}, 'w')"),
    "io.open": lambda mark: Call(open, str(mark), "w"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_hostile_file_does_nothing_and_is_refused(
    tmp_path: Path, name: str, zipped: bool
) -> None:
    path, mark = tmp_path / "hostile.pth", tmp_path / "mark"
    tensors = random_encoder(0).state_dict()
    content = {"state_dict": tensors, "message_hub": HOSTILE[name](mark)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)

    words = refusal(path)

    assert not mark.exists()
    assert "cannot be read" in words
    assert name in words or not zipped


def test_a_bare_pickle_that_calls_does_nothing_and_is_refused(tmp_path: Path) -> None:
    path, mark = tmp_path / "hostile.pth", tmp_path / "mark"
    path.write_bytes(pickle.dumps({"state_dict": HOSTILE["posix.system"](mark)}))

    refusal(path)

    assert not mark.exists()


def test_functions_that_logs_of_mmengine_name_are_never_called(tmp_path: Path) -> None:
    content = {"weight": torch.ones(2), "log": Call(getattr, OrderedDict, "no such attribute")}
    torch.save(content, tmp_path / "log.pth")

    assert list(encoder_tensors(tmp_path / "log.pth")) == ["weight"]

    chained = Call(getattr, OrderedDict, "fromkeys")
    torch.save({"weight": torch.ones(2), "log": {chained: 1}}, tmp_path / "log.pth")
    assert list(encoder_tensors(tmp_path / "log.pth")) == ["weight"]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path: Path, number: float) -> None:
    tensors = random_encoder(0).state_dict()
    tensors["layers.0.2.weight"][3] = number
    torch.save(tensors, tmp_path / "mit.pth")

    assert "NaN or infinite numbers in 1 tensors: layers.0.2.weight" in refusal(
        tmp_path / "mit.pth"
    )


def test_what_a_file_lacks_and_has_besides_is_named(tmp_path: Path) -> None:
    tensors = random_encoder(0).state_dict()
    few = {name: t for name, t in tensors.items() if name.startswith("layers.0.")}
    few["layers.0.2.bias"] = torch.zeros(5)
    torch.save({**few, "classifier.weight": torch.ones(1)}, tmp_path / "few.pth")

    words = refusal(tmp_path / "few.pth")

    assert f"got {len(few) - 1} of the {len(tensors)} tensors of mit_b0" in words
    assert "missing: layers.1.0.projection.weight, layers.1.0.projection.bias, " in words
    assert f" and {len(tensors) - len(few) - 3} more" in words
    assert "of another shape: layers.0.2.bias (5,) instead of (32,)" in words
    assert "not of this encoder: classifier.weight" in words


def test_a_tensor_that_a_nearly_complete_file_lacks_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tensors = nvidia_names(random_encoder(0))
    del tensors["block1.0.attn.kv.weight"]
    torch.save(tensors, tmp_path / "mit.pth")

    loaded(tmp_path / "mit.pth")

    assert "of another shape: layers.0.1.0.attn.attn.in_proj_weight (32, 32)" in caplog.text


@pytest.mark.parametrize("content", [b"", b"no weights", b"\x80\x02}q\x00."])
def test_a_file_without_weights_is_refused_in_two_lines(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mit.pth").write_bytes(content)

    assert "expected " in refusal(tmp_path / "mit.pth")


def test_a_file_that_is_cut_off_or_not_there_is_refused_in_two_lines(tmp_path: Path) -> None:
    torch.save(random_encoder(0).state_dict(), tmp_path / "whole.pth")
    content = (tmp_path / "whole.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(content[: len(content) // 2])

    assert "a damaged one" in refusal(tmp_path / "cut.pth")
    assert "No such file" in refusal(tmp_path / "none.pth")
