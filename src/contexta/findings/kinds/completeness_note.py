"""`CompletenessNote`: a sentence about what a finding lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class CompletenessNote(str):
    """A sentence that is its own text. In JSON it is the text alone, and reads back as a warning."""

    severity: Literal["info", "warning"]
    """``info`` if the finding is still complete."""
    details: Mapping[str, Any]
    """The numbers and names in the sentence, if the finding gives them apart."""

    def __new__(
        cls, text: str, severity: Literal["info", "warning"] = "warning", details: Mapping[str, Any] | None = None
    ) -> CompletenessNote:
        note = super().__new__(cls, text)
        note.severity = severity
        note.details = dict(details or {})
        return note

    @property
    def summary(self) -> str:
        return str(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            lambda text: text if isinstance(text, cls) else cls(text),
            core_schema.union_schema([core_schema.is_instance_schema(cls), core_schema.str_schema()]),
            serialization=core_schema.plain_serializer_function_ser_schema(str, return_schema=core_schema.str_schema()),
        )
