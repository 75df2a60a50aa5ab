"""Deferred imports of packages: they halve the time that the process takes to start.

`import mmseg.models.decode_heads.aspp_head` first runs `mmseg/models/__init__.py`, which imports
every network of mmseg; the first optimizer of torch imports its compiler with sympy. A deferred
package is registered in sys.modules without running its `__init__`. The names that we need are
imported from its modules; any other name runs `__init__` first, so that nothing is missing.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from types import ModuleType
from typing import Any

# Package -> name -> the module of the package that has it.
_NAMES: dict[str, Mapping[str, str]] = {}


class _Deferred(ModuleType):
    def __getattr__(self, name: str) -> Any:
        module = _NAMES[self.__name__].get(name)
        if module is not None:
            found = getattr(importlib.import_module(f"{self.__name__}.{module}"), name)
            setattr(self, name, found)
            return found
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        import_fully(self.__name__)
        return getattr(self, name)


def defer(package: str, names: Mapping[str, str]) -> ModuleType | None:
    """Register a package without running its imports; its parent must be registered.

    names: name -> the module of the package that has it. Returns None where the package is
    imported already or not installed.
    """
    spec = None if package in sys.modules else importlib.util.find_spec(package)
    if spec is None:
        return None
    _NAMES[package] = names
    module = importlib.util.module_from_spec(spec)
    module.__class__ = _Deferred
    sys.modules[package] = module
    parent, _, child = package.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
    return module


def import_fully(package: str) -> None:
    """Run the `__init__` of a deferred package, once."""
    module = sys.modules[package]
    if not isinstance(module, _Deferred):
        return
    module.__class__ = ModuleType  # type: ignore[assignment]
    if module.__spec__ and module.__spec__.loader:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module.__spec__.loader.exec_module(module)


def defer_compiler() -> None:
    """Let optimizers step without importing `torch._dynamo`, of which they only use `disable`.

    We compile nothing. Any other name imports the real package.
    """
    module = defer("torch._dynamo", {})
    if module is not None:
        module.disable = lambda function, *_, **__: function  # type: ignore[attr-defined]
        module.graph_break = lambda *_, **__: None  # type: ignore[attr-defined]


_FORMATTER = ("yapf", "yapf.yapflib", "yapf.yapflib.yapf_api")


def defer_formatter() -> None:
    """Let mmengine import without yapf, with which it prints configurations; we print none.

    yapf keeps its grammar in a cache of the user and renames the file before all of it is written:
    of several processes that start at once on a fresh machine, one reads a partial file and ends
    with `EOFError`. A call of the formatter imports the real package.
    """
    formatter, _, functions = (defer(package, {}) for package in _FORMATTER)

    def format_code(*texts: Any, **options: Any) -> Any:
        for package in _FORMATTER:
            import_fully(package)
        return sys.modules[_FORMATTER[-1]].FormatCode(*texts, **options)

    if formatter is not None and functions is not None:
        formatter.__version__ = version("yapf")  # type: ignore[attr-defined]  # mmengine asks
        functions.FormatCode = format_code  # type: ignore[attr-defined]
