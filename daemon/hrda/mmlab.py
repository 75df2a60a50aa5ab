"""The one door to mmseg and mmengine, which import compiled ops that we do not have.

`import mmseg` imports `mmcv.ops`, and that asks for the compiled module `mmcv._ext`, which
mmcv-lite leaves out. HRDA calls none of its ops, so a stub stands in for it: whatever is
called raises words. A full mmcv, where installed, is used as it is.

`mmseg.models` imports every network that it has, which takes longer than torch itself. Its
packages are made known without that, so that only the modules named here are imported;
`register_all` catches up.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any


class _NoCompiledOps(ModuleType):
    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> None:
            raise RuntimeError(
                f"mmcv op {name}: needs the compiled mmcv, this is mmcv-lite; "
                f"choose a model without it, or install mmcv"
            )

        return refuse


if importlib.util.find_spec("mmcv._ext") is None:
    sys.modules.setdefault("mmcv._ext", _NoCompiledOps("mmcv._ext"))

# Children before their parents: the order in which `register_all` runs them.
_LATER = (
    "mmseg.models.utils",
    "mmseg.models.losses",
    "mmseg.models.backbones",
    "mmseg.models.decode_heads",
    "mmseg.models",
)
_WAITING: list[ModuleType] = []


def _known_later(name: str) -> ModuleType:
    """A package whose modules can be imported, and whose own imports wait."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ImportError(f"{name}: not in this mmsegmentation; expected version 1.2")
    package = importlib.util.module_from_spec(spec)
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, package)
    sys.modules[name] = package
    return package


def register_all() -> None:
    """Fill the registry with everything that mmseg has; some seconds, once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while _WAITING:
            package = _WAITING.pop(0)
            if package.__spec__ and package.__spec__.loader:
                package.__spec__.loader.exec_module(package)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mmcv.cnn import ConvModule
    from mmengine.logging import MMLogger
    from mmengine.model import BaseModule
    from mmseg.registry import MODELS

    if "mmseg.models" not in sys.modules:
        packages = {name: _known_later(name) for name in reversed(_LATER)}
        _WAITING.extend(packages[name] for name in _LATER)
        for name, source, wanted in (
            ("utils", "wrappers", ("resize",)),
            ("utils", "embed", ("PatchEmbed",)),
            ("utils", "shape_convert", ("nchw_to_nlc", "nlc_to_nchw")),
            ("losses", "accuracy", ("accuracy",)),
            ("losses", "cross_entropy_loss", ("CrossEntropyLoss",)),
        ):
            module = importlib.import_module(f"mmseg.models.{name}.{source}")
            for word in wanted:
                setattr(packages[f"mmseg.models.{name}"], word, getattr(module, word))
    from mmseg.models.decode_heads.aspp_head import ASPPModule
    from mmseg.models.decode_heads.decode_head import BaseDecodeHead
    from mmseg.models.decode_heads.segformer_head import SegformerHead
    from mmseg.models.decode_heads.sep_aspp_head import DepthwiseSeparableASPPModule

MMLogger.get_current_instance().setLevel(logging.ERROR)  # it lists every initialised tensor

__all__ = [
    "MODELS",
    "ASPPModule",
    "BaseDecodeHead",
    "BaseModule",
    "ConvModule",
    "DepthwiseSeparableASPPModule",
    "SegformerHead",
    "register_all",
]
