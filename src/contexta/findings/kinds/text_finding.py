"""`TextFinding`: a finding that is also a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import Self

from contexta.findings.kinds.finding import Finding


class TextFinding(str):
    """A text with all fields and methods of a finding. It compares, hashes and prints as the text."""

    model: ClassVar[type[Finding]]
    """The type of its finding."""

    finding: Finding

    @classmethod
    def of(cls, text: str, finding: Finding) -> Self:
        value = cls(text)
        value.finding = finding
        return value

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """The value that ``to_dict`` described. Raises InvalidInput."""
        finding = cls.model.from_dict(fields)
        return cls.of(cls.text_of(finding), finding)

    @classmethod
    def text_of(cls, finding: Any) -> str:
        """The text of a finding."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        if name == "finding" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.finding, name)
