"""The blocks that a report consists of. Their texts are plain: a writer escapes them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, computed_field, model_validator

from contexta.contract.fields import Number
from contexta.core.model import Value
from contexta.findings.kinds.finding import Finding
from contexta.findings.metrics import Chart

Tone = Literal["good", "bad", "warn", "quiet"]
"""The colour of a text. The words say the same as the colour."""


class _Part(Value):
    model_config = ConfigDict(extra="ignore")  # as in every finding


class Paragraph(_Part):
    kind: Literal["paragraph"] = "paragraph"
    text: str
    tone: Tone | None = None


class Code(_Part):
    """Text to paste into a terminal or an editor."""

    kind: Literal["code"] = "code"
    text: str
    is_patch: bool = False  # whether a page colours added and removed lines


class Bullets(_Part):
    """A bullet list; the tone applies to each item."""

    kind: Literal["bullets"] = "bullets"
    items: tuple[str, ...]
    tone: Tone | None = None


Href = Annotated[str, Field(pattern=r"^(?:\.\./)?(?:[a-z]+/)?[a-z0-9][a-z0-9.-]*\.html$")]
"""The address of another page of the same site, relative to the page with the link."""


URL = r"""^https?://[^\s<>()\[\]"'`\\|]+$"""


class Link(_Part):
    text: str
    href: Href


class Links(_Part):
    """Links to other pages of the same site."""

    kind: Literal["links"] = "links"
    items: tuple[Link, ...]


class Row(_Part):
    """One line of a table."""

    cells: tuple[str, ...]
    href: Href | None = None  # the page that the first cell links to
    url: Annotated[str, Field(pattern=URL)] | None = None  # the address on the web that the last cell links to
    tone: Tone | None = None  # of the first cell
    # Why a writer may count this row instead of showing it: it shows no difference, or no run used the package.
    fold: Literal["same", "unused"] | None = None


class Table(_Part):
    kind: Literal["table"] = "table"
    columns: tuple[str, ...]  # titles; a title that starts with ">" is that of a column of numbers
    rows: tuple[Row, ...]
    screen_rows: int | None = None  # rows that a terminal shows; None: all
    is_log: bool = False  # whether the screen keeps the rows of faults and then the last rows, instead of the first
    one_line: bool = False  # whether a terminal shortens cells, so that a row has one line

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(title.removeprefix(">") for title in self.columns)

    @property
    def numeric(self) -> tuple[bool, ...]:
        return tuple(title.startswith(">") for title in self.columns)


class Point(_Part):
    """One value of a plot."""

    label: str
    value: Number | None  # None leaves a gap
    about: str = ""  # shown at the pointer
    tone: Tone | None = None


class Mark(_Part):
    """An event between two points."""

    at: int  # the number of the point after it
    label: str


class Level(_Part):
    """Points around one value: the half-open interval [start, stop)."""

    start: int
    stop: int
    value: float


class Plot(_Part):
    """A number over a sequence, oldest first."""

    kind: Literal["plot"] = "plot"
    title: str
    points: tuple[Point, ...]
    marks: tuple[Mark, ...] = ()
    levels: tuple[Level, ...] = ()
    joined: bool = True  # whether a line joins the points
    unit: str = "run"  # the noun of one point


class Curves(_Part):
    """A metric over steps, time or epochs, in one or more runs."""

    kind: Literal["curves"] = "curves"
    chart: Chart


class Picture(_Part):
    """An image in the document itself."""

    kind: Literal["picture"] = "picture"
    caption: str
    source: str = Field(pattern=r"^data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*$")


Block: TypeAlias = Annotated[
    Paragraph | Code | Bullets | Table | Plot | Curves | Links | Picture, Field(discriminator="kind")
]


class Section(_Part):
    """A part of a report. With an empty title it gets the title Summary and no heading in what writers print."""

    title: str
    blocks: tuple[Block, ...] = ()
    detail: bool = False  # a terminal shows it with --all only
    page_only: bool = False  # only HTML shows it
    has_heading: bool = True

    @model_validator(mode="before")
    @classmethod
    def _name(cls, fields: Any) -> Any:
        if isinstance(fields, Mapping) and fields.get("title") == "":
            return {**fields, "title": "Summary", "has_heading": False}
        return fields

    @property
    def heading(self) -> str:
        """The title, or an empty text for a section that continues the one before it."""
        return self.title if self.has_heading else ""

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of the two decorators
    @property
    def body(self) -> str:
        """The blocks as Markdown."""
        return str(import_module("contexta.reports").blocks_to_markdown(self.blocks))


class Report(Finding):
    """A finding as a document: a title and sections."""

    title: str
    sections: tuple[Section, ...]
