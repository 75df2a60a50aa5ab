"""The only module that imports mmseg and mmengine, which import far more than a training needs.

Compiled ops: `import mmcv.ops` needs the module `mmcv._ext`, which mmcv-lite lacks. HRDA calls none
of its ops, so a stub replaces it whose functions raise an error. A full mmcv, where installed, is
used as it is.

Time: `mmseg.models` imports every network that it has, and `mmengine.model` what large clusters
need; together they take longer than torch. Their imports are deferred (lazy_imports.py).
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import warnings
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from daemon.hrda.network.lazy_imports import defer, defer_compiler, defer_formatter, import_fully


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


defer_formatter()  # before mmcv, which imports mmengine
if "mmcv._ext" not in sys.modules and importlib.util.find_spec("mmcv._ext") is None:
    sys.modules["mmcv._ext"] = _NoCompiledOps("mmcv._ext")

# Package -> the names of it that are needed, and the modules that have them.
DEFERRED: Mapping[str, Mapping[str, str]] = {
    "mmengine.model": {
        "BaseModule": "base_module",
        "ModuleList": "base_module",
        "Sequential": "base_module",
        "constant_init": "weight_init",
        "kaiming_init": "weight_init",
    },
    "mmengine.model.wrappers": {},
    "mmcv.cnn": {
        "ConvModule": "bricks.conv_module",
        "DepthwiseSeparableConvModule": "bricks.depthwise_separable_conv_module",
    },
    "mmcv.cnn.bricks": {},
    "mmseg.utils": {"ConfigType": "typing_utils", "SampleList": "typing_utils"},
    "mmseg.models": {},
    "mmseg.models.utils": {"resize": "wrappers"},
    "mmseg.models.losses": {"accuracy": "accuracy"},
    "mmseg.models.backbones": {},
    "mmseg.models.decode_heads": {},
}


def register_all() -> None:
    """Register every network of mmseg: takes some seconds, once."""
    for name in DEFERRED:
        import_fully(name)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    defer_compiler()
    for _name, _names in DEFERRED.items():
        defer(_name, _names)
    from mmcv.cnn import ConvModule
    from mmengine.logging import MMLogger
    from mmengine.model import BaseModule
    from mmseg.models.decode_heads.aspp_head import ASPPModule
    from mmseg.models.decode_heads.decode_head import BaseDecodeHead
    from mmseg.models.decode_heads.segformer_head import SegformerHead
    from mmseg.models.decode_heads.sep_aspp_head import DepthwiseSeparableASPPModule
    from mmseg.registry import MODELS

    importlib.import_module("mmseg.models.losses.cross_entropy_loss")  # every head builds one

MMLogger.get_current_instance().setLevel(logging.ERROR)  # else it lists every initialised tensor

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
