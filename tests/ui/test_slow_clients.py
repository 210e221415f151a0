"""Clients that send or read too slowly lose their connection."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from contexta.ui import web_server

LARGE = 50_000_000


async def large_answer(scope: Any, receive: Any, send: Any) -> None:
    """Reads the request, and answers with more than buffers hold."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % LARGE)]})
    for _ in range(LARGE // 1_000_000):
        await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A connection to a server that waits for 0.3 s."""
    monkeypatch.setattr(web_server, "_HEADER_SECONDS", 0.3)
    monkeypatch.setattr(web_server, "_READING_SECONDS", 0.3)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(large_answer, http=web_server._PatientProtocol, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    with socket.create_connection(listener.getsockname(), timeout=20) as connection:
        yield connection
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: lo",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf",
    ],
)
def test_an_incomplete_request_is_given_up(client: socket.socket, sent: bytes) -> None:
    client.sendall(sent)
    assert client.recv(1_000) == b""


def test_a_client_that_reads_nothing_is_given_up(client: socket.socket) -> None:
    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(1.5)
    received = 0
    try:
        while chunk := client.recv(1_000_000):
            received += len(chunk)
    except ConnectionResetError:
        pass
    assert received < LARGE
