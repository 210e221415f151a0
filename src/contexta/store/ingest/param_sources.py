"""Keep the parameter from the best source: the program, its argparse, its command line, its configuration files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from contexta.findings.runs import PARAM_SOURCES
from contexta.store.entities import shared_facts
from contexta.store.entities.query_index import keep_params
from contexta.store.schema import tables

_RANKS = {"argparse": 2, "command line": 1}
_OF_PROGRAM = 3
_OF_FILE = 0


class ParamSources:
    """The sources of the parameters of one run, while one portion of a journal is applied."""

    def __init__(self) -> None:
        self._before: dict[str, str] | None = None  # as they are stored, once they were needed
        self._sources: dict[str, str] = {}

    def add(self, connection: Connection, run_id: int, record: Mapping[str, Any]) -> None:
        """Store a parameter, unless a better source gave it."""
        name, source = str(record["k"]), record.get("o")
        self._load(connection, run_id)
        if source is None:
            self._sources.pop(name, None)
        elif self._rank_of(connection, run_id, name) > _rank(str(source)):
            return
        else:
            self._sources[name] = str(source)
        keep_params(connection, run_id, {name: record["x"]})

    def finish(self, connection: Connection, run_id: int | None) -> None:
        """Store the sources."""
        if run_id is not None and self._before is not None and self._sources != self._before:
            shared_facts.add(connection, run_id, {PARAM_SOURCES: self._sources})

    def _load(self, connection: Connection, run_id: int) -> None:
        if self._before is None:
            self._before = dict(shared_facts.of_run(connection, run_id).get(PARAM_SOURCES, {}))
            self._sources = dict(self._before)

    def _rank_of(self, connection: Connection, run_id: int, name: str) -> int:
        """The rank of the source of a parameter; below all where there is no parameter of that name."""
        if name in self._sources:
            return _rank(self._sources[name])
        param = tables.param
        statement = select(param.c.name).where(param.c.run_id == run_id, param.c.name == name)
        return -1 if connection.execute(statement).first() is None else _OF_PROGRAM


def _rank(source: str) -> int:
    return _RANKS.get(source, _OF_FILE)
