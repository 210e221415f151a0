"""The environments of a study: built for both endpoints, described for every mix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from contexta.bisect.session.setup import Setup
from contexta.bisect.space.changes import BOTH, Metadata, Release, Space, space_between
from contexta.reproduce.environments.builder import Built, Contents, build
from contexta.reproduce.environments.cache import find_cache
from contexta.reproduce.environments.linker import Recipe
from contexta.reproduce.plan.not_installable import not_built
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import UvError
from contexta.reproduce.uv.requirement_options import InstallOptions


class TrialEnvironments:
    def __init__(self, setup: Setup, uv: Uv) -> None:
        self.uv = uv
        self.notes: dict[str, None] = {}
        """How the endpoints were built."""
        self._setup = setup
        self._packages = {"old": setup.old.packages, "new": setup.new.packages}
        self._cache = find_cache()
        self._foreign: dict[str, Mapping[str, str]] = {}

    def space(self) -> Space:
        """Build both endpoints, and read from their metadata which mixes can exist. Raises UvError."""
        setup = self._setup
        metadata: dict[Release, Metadata] = {}
        for end in BOTH:
            try:
                built = self.build(end, self._packages[end])
            except UvError as error:
                sides = {name: (self.uv_of(name), setup.pythons[name], self._packages[name]) for name in BOTH}
                raise not_built(end, error, sides) from error
            self.notes.update(dict.fromkeys(built.notes))
            for package in built.packages.values():
                pin = self._packages[end].get(package.name, package.version)
                metadata[package.name, pin] = Metadata(package.requires, package.requires_python, package.version)

        def has_wheel(release: Release, end: str) -> bool:
            return self.uv_of("new" if end == "old" else "old").has_wheel(setup.pythons[end].path, *release)

        space = space_between(setup.old, setup.new, metadata, has_wheel)
        return replace(space, suspicion=setup.suspicion, suspects=setup.suspects)

    def build(self, end: str, pins: Mapping[str, str], options: str | None = None) -> Built:
        """Build pins on the interpreter of one end. options: the end whose install options apply; default: ``end``."""
        contents = Contents(pins, self._setup.fixed, self._setup.options_of(options or end))
        return build(self.uv, self._cache, self._setup.pythons[end], contents)

    def uv_of(self, end: str) -> Uv:
        """uv with the install options of one end."""
        return replace(self.uv, options=self._setup.options_of(end))

    def recipe(self, end: str, pins: Mapping[str, str], *more: Contents) -> Recipe:
        """An environment on the interpreter of one end. more: sources of packages besides the two endpoints."""
        fixed = self._setup.fixed
        sources = [Contents(packages, fixed, self._options(of, end)) for of, packages in self._sources(end)]
        return Recipe(self._setup.pythons[end], pins, (*sources, *more))

    def _options(self, of: str, end: str) -> InstallOptions:
        """How packages of a side are installed on the interpreter of an end; another interpreter needs other files."""
        options, pythons = self._setup.options_of(of), self._setup.pythons
        return options if pythons[of].path == pythons[end].path else replace(options, hashes=())

    def _sources(self, end: str) -> tuple[tuple[str, Mapping[str, str]], ...]:
        """(end, packages) from which an interpreter can take packages: its own end, and compatible packages of the
        other end."""
        other = "new" if end == "old" else "old"
        path = self._setup.pythons[end].path
        if path == self._setup.pythons[other].path:
            return ("old", self._packages["old"]), ("new", self._packages["new"])
        if end not in self._foreign:
            self._foreign[end] = {
                name: version
                for name, version in self._packages[other].items()
                if self._packages[end].get(name) != version and self.uv_of(other).has_wheel(path, name, version)
            }
        return (end, self._packages[end]), (other, self._foreign[end])
