"""Packages whose own imports wait until they are needed: half of the time that a start takes.

`import mmseg.models.decode_heads.aspp_head` first runs `mmseg/models/__init__.py`, which imports
every network there is; the first optimizer of torch imports its compiler, sympy included. Such a
package is made known without running its own imports. The names that are asked of it on our way
are given; any other name runs what was left out, so nothing is missing.
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

# Package -> name -> where it is: a module inside, from the package on.
_NAMES: dict[str, Mapping[str, str]] = {}


class _Waiting(ModuleType):
    def __getattr__(self, name: str) -> Any:
        where = _NAMES[self.__name__].get(name)
        if where is not None:
            found = getattr(importlib.import_module(f"{self.__name__}.{where}"), name)
            setattr(self, name, found)
            return found
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        run(self.__name__)
        return getattr(self, name)


def wait(package: str, names: Mapping[str, str]) -> ModuleType | None:
    """Make a package known; its parent must be. None where it is imported already, or absent."""
    spec = None if package in sys.modules else importlib.util.find_spec(package)
    if spec is None:
        return None
    _NAMES[package] = names
    module = importlib.util.module_from_spec(spec)
    module.__class__ = _Waiting
    sys.modules[package] = module
    parent, _, child = package.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
    return module


def run(package: str) -> None:
    """Do what importing the package would have done, once."""
    module = sys.modules[package]
    if not isinstance(module, _Waiting):
        return
    module.__class__ = ModuleType  # type: ignore[assignment]
    if module.__spec__ and module.__spec__.loader:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module.__spec__.loader.exec_module(module)


def spare_the_compiler() -> None:
    """Let optimizers step without `torch._dynamo`, which they import to step aside from it.

    We compile nothing. Whoever does gets the real one at the first other name.
    """
    module = wait("torch._dynamo", {})
    if module is not None:
        module.disable = lambda function, *_, **__: function  # type: ignore[attr-defined]
        module.graph_break = lambda *_, **__: None  # type: ignore[attr-defined]


_FORMATTER = ("yapf", "yapf.yapflib", "yapf.yapflib.yapf_api")


def spare_the_formatter() -> None:
    """Let mmengine import without yapf, which it takes to print a configuration; we print none.

    yapf keeps its grammar in a cache of the user and renames the file before all of it is written:
    of several processes that start at once on a fresh machine, one reads a torn file and ends
    with `EOFError`. Whoever formats after all gets the real function.
    """
    formatter, _, functions = (wait(package, {}) for package in _FORMATTER)

    def format_code(*texts: Any, **options: Any) -> Any:
        for package in _FORMATTER:
            run(package)
        return sys.modules[_FORMATTER[-1]].FormatCode(*texts, **options)

    if formatter is not None and functions is not None:
        formatter.__version__ = version("yapf")  # type: ignore[attr-defined]  # mmengine asks
        functions.FormatCode = format_code  # type: ignore[attr-defined]
