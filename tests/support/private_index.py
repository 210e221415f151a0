"""A package index behind a password, on this machine."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

USER, PASSWORD = "someone", "pa55-of-the-index"


@contextmanager
def private_index(folder: Path) -> Iterator[str]:
    """Serves the files of a directory by PEP 503 to clients with the password. Yields HOST:PORT."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            kind, _, name = self.path.strip("/").partition("/")
            if self.headers.get("Authorization") != expected:
                self._say(401, b"", "text/plain")
            elif kind == "simple":
                files = [path for path in folder.iterdir() if path.name.startswith(f"{name}-")]
                links = [f'<a href="/files/{file.name}#sha256={_digest(file)}">{file.name}</a>' for file in files]
                self._say(200 if files else 404, "\n".join(links).encode(), "text/html")
            elif kind == "files" and (folder / name).is_file():
                self._say(200, (folder / name).read_bytes(), "application/octet-stream")
            else:
                self._say(404, b"", "text/plain")

        def _say(self, code: int, body: bytes, kind: str) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if code == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with running(Answer) as host:
        yield host


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves the files of a directory to everybody; HOST:PORT."""

    class Answer(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with running(Answer) as host:
        yield host


@contextmanager
def running(answer: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server on this machine; HOST:PORT."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), answer)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
