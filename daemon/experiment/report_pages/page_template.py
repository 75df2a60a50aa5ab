"""Fills in a template. Texts are escaped, and a name that is missing is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def render(template: Path, **values: Any) -> str:
    """The page of a template, which may extend page.html of this room."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folders = FileSystemLoader([template.parent, Path(__file__).parent])
    environment = Environment(loader=folders, autoescape=True, undefined=StrictUndefined)
    return environment.get_template(template.name).render(**values)
