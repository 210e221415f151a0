"""What a report is made of. Every text in it is plain: whoever writes it out escapes it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, computed_field

from contexta.contract.fields import Number
from contexta.core.model import Value

Tone = Literal["good", "bad", "warn", "quiet"]
"""How a line is coloured. Colour never says something alone: the words say it too."""


class _Part(Value):
    model_config = ConfigDict(extra="ignore")  # as every finding


class Words(_Part):
    """A paragraph."""

    kind: Literal["words"] = "words"
    text: str
    tone: Tone | None = None


class Code(_Part):
    """What can be pasted into a terminal or an editor, as it is."""

    kind: Literal["code"] = "code"
    text: str


class List(_Part):
    """Points of equal rank; with a tone, all of them have it."""

    kind: Literal["list"] = "list"
    items: tuple[str, ...]
    tone: Tone | None = None


class Row(_Part):
    """One line of a table. ``same``: it shows no difference, and a page may hide it."""

    cells: tuple[str, ...]
    tone: Tone | None = None
    same: bool = False


class Table(_Part):
    """Rows below column titles; a title that starts with ``>`` is a column of numbers."""

    kind: Literal["table"] = "table"
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(title.removeprefix(">") for title in self.columns)

    @property
    def numeric(self) -> tuple[bool, ...]:
        return tuple(title.startswith(">") for title in self.columns)


class Point(_Part):
    """One value of a plot; None leaves a gap. ``about`` is what a reader sees on pointing at it."""

    label: str
    value: Number | None
    about: str = ""
    tone: Tone | None = None


class Mark(_Part):
    """Something that happened between two points: right before the point of number ``at``."""

    at: int
    label: str


class Level(_Part):
    """A stretch of points around one value; half-open [start, stop)."""

    start: int
    stop: int
    value: float


class Plot(_Part):
    """A number over a sequence of things, the oldest first. joined: whether a line joins them."""

    kind: Literal["plot"] = "plot"
    title: str
    points: tuple[Point, ...]
    marks: tuple[Mark, ...] = ()
    levels: tuple[Level, ...] = ()
    joined: bool = True


Block: TypeAlias = Annotated[Words | Code | List | Table | Plot, Field(discriminator="kind")]


class Section(_Part):
    """A part of a report. Without a title it continues the one before it."""

    title: str
    blocks: tuple[Block, ...] = ()

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of the two decorators
    @property
    def body(self) -> str:
        """What the section says, as Markdown."""
        from contexta.reports.writers.markdown import blocks

        return blocks(self.blocks)


class Report(_Part):
    """An answer as a page."""

    title: str
    sections: tuple[Section, ...]

    def to_markdown(self) -> str:
        """GitHub's Markdown; fits a pull request."""
        from contexta.reports.writers.markdown import markdown

        return markdown(self)

    def to_html(self) -> str:
        """One self-contained page: opens offline, asks nothing of any other place."""
        from contexta.reports.writers.html import page

        return page(self)

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        from contexta.reports.writers.html import fragment

        return fragment(self)
