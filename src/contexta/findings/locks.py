"""A recorded environment as a file that others install from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contexta.contract.fields import FrozenDict, RunRef, TextMap
from contexta.findings.finding import Finding
from contexta.findings.rebuilds import Missing

LockFormat = Literal["pylock", "requirements", "uv", "conda", "dockerfile"]


class Lock(Finding):
    """A lock and what is not in it.

    content: the file's text. exact: packages whose file is known to be the one that was installed, by the digest of its
    RECORD. open: name -> why that could not be established; they are locked by version and by the index's hashes.
    missing: packages that are not in the file, as they cannot be had again from anywhere.
    """

    run_ref: RunRef
    format: LockFormat
    content: str
    python_version: str
    package_count: int
    exact: tuple[str, ...] = ()
    open: TextMap = Field(default_factory=FrozenDict)
    missing: tuple[Missing, ...] = ()
    notes: tuple[str, ...] = ()
