"""The bases of every result."""

from __future__ import annotations

from importlib import import_module

from pydantic import ConfigDict, Field

from contexta.contract.fields import FrozenDict, TextMap
from contexta.core.model import Value


class Finding(Value):
    """A result. Its JSON can be read back, also when a newer version of Contexta added fields.

    `contexta.reports` renders it. That package is in a higher layer, so it is imported by name when it is needed.
    """

    model_config = ConfigDict(extra="ignore")

    def to_markdown(self) -> str:
        """The report as GitHub's Markdown."""
        return str(import_module("contexta.reports").to_markdown(self))

    def to_html(self) -> str:
        """The report as one self-contained HTML page that opens offline."""
        return str(import_module("contexta.reports").to_html(self))

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        return str(import_module("contexta.reports").to_html_fragment(self))


class FindingAboutRuns(Finding):
    """A result about several runs."""

    renamed: TextMap = Field(default_factory=FrozenDict)
    """Reference -> name, of the runs that were renamed."""
