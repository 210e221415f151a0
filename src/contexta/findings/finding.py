"""What every answer is."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pydantic import ConfigDict

from contexta.core.model import Value


class Finding(Value):
    """An answer. Its JSON reads back, also when it holds fields that only a newer Contexta knows.

    A notebook shows it as it is told on a page. Pages are written by a room above this one, which is looked up by its
    name when somebody looks: a finding is a value, and knows neither words nor markup.
    """

    model_config = ConfigDict(extra="ignore")

    def to_markdown(self) -> str:
        """GitHub's Markdown; fits a pull request."""
        return str(self._report().to_markdown())

    def to_html(self) -> str:
        """One self-contained page that opens offline."""
        return str(self._report().to_html())

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        return str(self._report()._repr_html_())

    def _report(self) -> Any:
        return import_module("contexta.reports").report_of(self)
