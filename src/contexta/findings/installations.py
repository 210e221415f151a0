"""The environment that advice changes: where it is, and the tool that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Tool = Literal["pip", "uv", "uv project", "poetry", "pdm", "pipenv", "conda", "pixi"]


@dataclass(frozen=True)
class CondaPackage:
    """A package as conda calls it."""

    name: str
    channel: str | None = None


@dataclass(frozen=True)
class Installation:
    """An environment on this machine, as commands name it.

    python: the interpreter that ``pip`` and the training run with. prefix: its directory; None where the environment
    is not known here. project: the directory of the project that the tool manages; None for the current one.
    direct: the packages that the project asks for by name. conda: those that conda installed, by normalised name.
    conda_program, uv_program: what is on PATH here: ``mamba`` where there is no ``conda``, uv's path where uv is not.
    """

    tool: Tool = "pip"
    python: str = "python"
    prefix: str | None = None
    project: str | None = None
    direct: frozenset[str] = frozenset()
    conda: Mapping[str, CondaPackage] = field(default_factory=dict)
    conda_program: str = "conda"
    uv_program: str = "uv"
