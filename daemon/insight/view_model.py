"""The base of what pages, terminal and programs show: frozen values whose JSON is their dump."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class ViewModel(BaseModel):
    """A frozen value with named fields; the docstring below a field is its description.

    A field has a default only where its key may be absent from the JSON: what was not given is
    left out there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def as_json(self) -> dict[str, Any]:
        """The values as JSON knows them; absent where nothing was given."""
        return self.model_dump(mode="json", exclude_unset=True)

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON schema of `as_json`, with the description of every field.

        It allows further keys: a later release may add some.
        """
        schema = cls.model_json_schema()
        for part in (schema, *schema.get("$defs", {}).values()):
            if part.get("additionalProperties") is False:
                del part["additionalProperties"]
        return schema
