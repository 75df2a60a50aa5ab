"""The one door to mmseg and mmengine, which import compiled ops that we do not have.

`import mmseg` imports `mmcv.ops`, and that asks for the compiled module `mmcv._ext`, which
mmcv-lite leaves out. HRDA calls none of its ops, so a stub stands in for it: whatever is
called raises words. A full mmcv, where installed, is used as it is.
"""

from __future__ import annotations

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

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mmcv.cnn import ConvModule
    from mmengine.logging import MMLogger
    from mmengine.model import BaseModule
    from mmseg.models import backbones as _registers_mix_vision_transformer  # noqa: F401
    from mmseg.models.decode_heads.aspp_head import ASPPModule
    from mmseg.models.decode_heads.decode_head import BaseDecodeHead
    from mmseg.models.decode_heads.segformer_head import SegformerHead
    from mmseg.models.decode_heads.sep_aspp_head import DepthwiseSeparableASPPModule
    from mmseg.registry import MODELS

MMLogger.get_current_instance().setLevel(logging.ERROR)  # it lists every initialised tensor

__all__ = [
    "MODELS",
    "ASPPModule",
    "BaseDecodeHead",
    "BaseModule",
    "ConvModule",
    "DepthwiseSeparableASPPModule",
    "SegformerHead",
]
