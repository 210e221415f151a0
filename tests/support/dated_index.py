"""A package index on this machine that gives the upload times of its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from support.private_index import running

_JSON = "application/vnd.pypi.simple.v1+json"


@contextmanager
def dated_index(folder: Path, dates: Mapping[str, str]) -> Iterator[str]:
    """Serves the files of a directory by PEP 691; its URL. dates: beginning of a file's name -> day of its upload."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, _, name = self.path.strip("/").partition("/")
            if kind == "simple":
                files = [
                    _described(path, dates) for path in sorted(folder.iterdir()) if path.name.startswith(f"{name}-")
                ]
                message = {"meta": {"api-version": "1.1"}, "name": name, "files": files, "versions": []}
                self._say(200 if files else 404, json.dumps(message).encode(), _JSON)
            else:
                self._say(200, (folder / name).read_bytes(), "application/octet-stream")

        def _say(self, code: int, body: bytes, kind: str) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with running(Answer) as host:
        yield f"http://{host}/simple"


def _described(file: Path, dates: Mapping[str, str]) -> dict[str, object]:
    day = next(day for begins, day in dates.items() if file.name.startswith(begins))
    return {
        "filename": file.name,
        "url": f"/files/{file.name}",
        "hashes": {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()},
        "upload-time": f"{day}T12:00:00Z",
        "size": file.stat().st_size,
    }
