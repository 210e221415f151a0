"""Commands that change packages, for the tool that created the environment."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

from contexta.core.processes.interpreters import is_python
from contexta.findings.past_runs import Installation


def install_commands(at: Installation, pins: Mapping[str, str | None], *, alone: bool = False) -> list[str]:
    """Shell commands that install these versions and then remove packages.

    pins: name -> version, URL (PEP 508, after the @), or None to remove the package. alone: do not change the
    dependencies, if the tool supports it.
    """
    installed = {name: pin for name, pin in pins.items() if pin is not None}
    removed = [name for name, pin in pins.items() if pin is None]
    if at.tool in ("conda", "pixi"):
        return list(_with_conda(at, installed, removed, alone=alone))
    lines = (
        [_install(at, [_requirement(name, pin) for name, pin in installed.items()], alone=alone)] if installed else []
    )
    return [*lines, *_uninstall(at, removed)]


def with_python(at: Installation, command: Sequence[str]) -> list[str]:
    """A recorded command with the interpreter of the environment, if the command starts with a Python."""
    words = list(command)
    if at.prefix is not None and words and is_python(words[0]):
        words[0] = at.python
    return words


def _requirement(name: str, pin: str) -> str:
    return f"{name} @ {pin}" if "://" in pin or pin.startswith("file:") else f"{name}=={pin}"


def _install(at: Installation, requirements: Sequence[str], *, alone: bool) -> str:
    no_deps = ["--no-deps"] if alone else []
    if at.tool == "uv":
        return shlex.join([at.uv_program, "pip", "install", "-p", str(at.prefix), *no_deps, *requirements])
    if at.tool == "uv project":
        return shlex.join([at.uv_program, "add", *_in(at, "--project"), *requirements])
    if at.tool == "poetry":
        return shlex.join(["poetry", *_in(at, "--directory"), "add", *map(_for_poetry, requirements)])
    if at.tool == "pdm":
        return shlex.join(["pdm", "add", *_in(at, "--project"), *requirements])
    if at.tool == "pipenv":
        return _in_directory(at, ["pipenv", "install", *requirements])
    return shlex.join([at.python, "-m", "pip", "install", *no_deps, *requirements])


def _uninstall(at: Installation, names: Sequence[str]) -> Iterator[str]:
    direct = [name for name in names if name in at.direct]
    if at.tool == "uv project" and direct:
        yield shlex.join([at.uv_program, "remove", *_in(at, "--project"), *direct])
    elif at.tool == "poetry" and direct:
        yield shlex.join(["poetry", *_in(at, "--directory"), "remove", *direct])
    elif at.tool == "pdm" and direct:
        yield shlex.join(["pdm", "remove", *_in(at, "--project"), *direct])
    else:
        direct = []
    rest = [name for name in names if name not in direct]
    if not rest:
        return
    if at.tool == "pipenv":
        yield _in_directory(at, ["pipenv", "uninstall", *rest])
    elif at.prefix is not None and at.tool != "pip":  # such environments often have no pip
        yield shlex.join([at.uv_program, "pip", "uninstall", "-p", at.prefix, *rest])
    else:
        yield shlex.join([at.python, "-m", "pip", "uninstall", "--yes", *rest])


def _with_conda(
    at: Installation, installed: Mapping[str, str], removed: Sequence[str], *, alone: bool
) -> Iterator[str]:
    """Change the packages from conda with conda, and the others with pip."""
    no_deps = ["--no-deps"] if alone else []
    from_conda = [name for name in installed if name in at.conda and "://" not in installed[name]]
    others = [_requirement(name, pin) for name, pin in installed.items() if name not in from_conda]
    if from_conda:
        specs = [f"{at.conda[name].name}=={installed[name]}" for name in from_conda]
        yield _conda_install(at, [*no_deps, *specs], _channels(at, *from_conda))
    if others and at.tool == "pixi":
        yield shlex.join(["pixi", "add", "--pypi", *_manifest(at), *others])
    elif others:
        yield shlex.join([at.python, "-m", "pip", "install", *no_deps, *others])
    conda_names = [at.conda[name].name for name in removed if name in at.conda]
    rest = [name for name in removed if name not in at.conda]
    if conda_names and at.tool == "pixi":
        yield shlex.join(["pixi", "remove", *_manifest(at), *conda_names])
    elif conda_names:
        yield shlex.join([at.conda_program, "remove", "--yes", "-p", str(at.prefix), *conda_names])
    if rest and at.tool == "pixi":
        yield shlex.join(["pixi", "remove", "--pypi", *_manifest(at), *rest])
    elif rest:
        yield shlex.join([at.python, "-m", "pip", "uninstall", "--yes", *rest])


def _conda_install(at: Installation, words: Sequence[str], channels: Sequence[str]) -> str:
    if at.tool == "pixi":
        return shlex.join(["pixi", "add", *_manifest(at), *(word for word in words if not word.startswith("-"))])
    named = [word for channel in channels for word in ("-c", channel)]
    return shlex.join([at.conda_program, "install", "--yes", "-p", str(at.prefix), *named, *words])


def _channels(at: Installation, *names: str) -> list[str]:
    channels = (at.conda[name].channel for name in names)
    return list(dict.fromkeys(channel for channel in channels if channel is not None))


def _manifest(at: Installation) -> list[str]:
    return [] if at.project is None else ["--manifest-path", at.project]


def _in(at: Installation, option: str) -> list[str]:
    return [] if at.project is None else [option, at.project]


def _in_directory(at: Installation, words: Sequence[str]) -> str:
    line = shlex.join(words)
    return line if at.project is None else f"(cd {shlex.quote(at.project)} && {line})"


def _for_poetry(requirement: str) -> str:
    """A git URL in the syntax of poetry: the commit after #, without the name."""
    _, at, address = requirement.partition(" @ ")
    if not at or not address.startswith("git+"):
        return requirement
    repository, _, commit = address.partition("#")[0].rpartition("@")
    return f"{repository}#{commit}"
