"""Keep the parameter from the best source: the program, its argparse, its command line, its configuration files.

An option without a value says that the program takes the value from elsewhere: the value of a file counts more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from contexta.findings.runs import PARAM_OPTIONS, PARAM_SOURCES
from contexta.store.entities import shared_facts
from contexta.store.entities.query_index import keep_params
from contexta.store.schema import tables

_RANKS = {"argparse": 2, "click": 2, "absl": 2, "command line": 1}
_OF_PROGRAM = 3
_OF_FILE = 0
_UNSET = -1  # of an option that is None


class ParamSources:
    """The sources of the parameters of one run, while one portion of a journal is applied."""

    def __init__(self) -> None:
        self._before: dict[str, dict[str, str]] | None = None  # the stored sources; None until they are needed
        self._sources: dict[str, str] = {}
        self._options: dict[str, str] = {}

    def add(self, connection: Connection, run_id: int, record: Mapping[str, Any]) -> None:
        """Store a parameter, unless a better source gave it."""
        name, source = str(record["k"]), record.get("o")
        self._load(connection, run_id)
        if record.get("a") is not None:  # keep the option if another source has the value
            self._options[name] = str(record["a"])
        if source is None:
            self._sources.pop(name, None)
        elif self._rank_of(connection, run_id, name) > _rank(str(source), record["x"]):
            return
        else:
            self._sources[name] = str(source)
        keep_params(connection, run_id, {name: record["x"]})

    def finish(self, connection: Connection, run_id: int | None) -> None:
        """Store the sources and the options."""
        facts = {PARAM_SOURCES: self._sources, PARAM_OPTIONS: self._options}
        if run_id is not None and self._before is not None:
            changed = {name: value for name, value in facts.items() if value != self._before[name]}
            if changed:
                shared_facts.add(connection, run_id, changed)

    def _load(self, connection: Connection, run_id: int) -> None:
        if self._before is None:
            stored = shared_facts.of_run(connection, run_id)
            self._before = {name: dict(stored.get(name, {})) for name in (PARAM_SOURCES, PARAM_OPTIONS)}
            self._sources = dict(self._before[PARAM_SOURCES])
            self._options = dict(self._before[PARAM_OPTIONS])

    def _rank_of(self, connection: Connection, run_id: int, name: str) -> int:
        """The rank of a stored parameter; below all where there is none of that name."""
        param = tables.param
        statement = select(param.c.value).where(param.c.run_id == run_id, param.c.name == name)
        stored = connection.execute(statement).first()
        if stored is None:
            return _UNSET - 1
        return _rank(self._sources[name], stored.value) if name in self._sources else _OF_PROGRAM


def _rank(source: str, value: object) -> int:
    """The rank of a source with a value."""
    rank = _RANKS.get(source, _OF_FILE)
    return _UNSET if value is None and rank != _OF_FILE else rank
