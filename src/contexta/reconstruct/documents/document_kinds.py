"""The kinds of documents, and where each is looked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from contexta.reconstruct.documents import project_files, requirement_files
from contexta.reconstruct.trace_values import Document, Traces


@dataclass(frozen=True)
class Kind:
    """recognises: by the name of a file. is_definition: it defines an environment of the directory that it is in, so
    that those of deeper directories do not count."""

    recognises: Callable[[str], bool]
    read: Callable[[Document], Traces]
    is_definition: bool


KINDS = (
    Kind(requirement_files.recognises, requirement_files.read, is_definition=True),
    Kind(project_files.recognises, project_files.read, is_definition=True),
)


def kind_of(name: str) -> Kind | None:
    """The kind of a file by its path; None for a file that says nothing about packages."""
    for kind in KINDS:
        if kind.recognises(name):
            is_deep = "/" in name.removeprefix("requirements/")
            return None if kind.is_definition and is_deep else kind
    return None
