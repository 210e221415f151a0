"""The kinds of documents, and where each is looked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from contexta.reconstruct.documents import (
    conda_files,
    install_lines,
    install_logs,
    lock_files,
    model_descriptions,
    model_files,
    notebooks,
    project_files,
    requirement_files,
)
from contexta.reconstruct.trace_values import Document, Traces


@dataclass(frozen=True)
class DocumentKind:
    recognises: Callable[[str], bool]
    """By the path of a file."""
    read: Callable[[Document], Traces]
    is_definition: bool = False
    """Whether it defines the environment of the directory that it is in. Those of deeper directories do not count."""


KINDS = (
    DocumentKind(model_descriptions.recognises, model_descriptions.read),
    DocumentKind(lock_files.recognises, lock_files.read, is_definition=True),
    DocumentKind(requirement_files.recognises, requirement_files.read, is_definition=True),
    DocumentKind(project_files.recognises, project_files.read, is_definition=True),
    DocumentKind(conda_files.recognises, conda_files.read, is_definition=True),
    DocumentKind(install_lines.recognises, install_lines.read, is_definition=True),
    DocumentKind(notebooks.recognises, notebooks.read),
    DocumentKind(install_logs.recognises, install_logs.read),
    DocumentKind(model_files.recognises, model_files.read),
)


def kind_of(name: str, *, is_named: bool = False) -> DocumentKind | None:
    """The kind of a file by its path; None for a file that says nothing about packages."""
    for kind in KINDS:
        if kind.recognises(name):
            is_deep = "/" in name.removeprefix("requirements/").removeprefix("conda-meta/")
            return None if kind.is_definition and is_deep and not is_named else kind
    return KINDS[-2] if is_named else None  # a log by another name
