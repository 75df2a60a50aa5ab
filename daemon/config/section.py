"""What every table of config.toml has in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

Setting = bool | int | float | str | list[int] | list[float] | list[str]


def setting(default: Any, description: str) -> Any:
    """A setting with its default and what it means, as config.toml shows both."""
    return Field(default=default, description=description)


class Section(BaseModel):
    """A table of config.toml: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
