"""Serve the pages until the user stops the server."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.ui.access import LOOPBACK, TOKEN, Access
from contexta.ui.routes import site

PORT = 7300
_PORTS_TRIED = 20
_HEADER_SECONDS = 10.0
_READING_SECONDS = 30.0
_CONNECTIONS = 64


class _PatientProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection on which no complete request arrives in time, or whose client reads nothing."""

    _deadline: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._deadline = self.loop.call_later(_HEADER_SECONDS, self._close_if_waiting)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(_HEADER_SECONDS, self._close_if_waiting)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading = self.loop.call_later(_READING_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._deadline, self._reading):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def _close_if_waiting(self) -> None:
        is_answering = self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        if not is_answering and not self.transport.is_closing():
            self.transport.close()


def serve(
    workspace: Contexta,
    *,
    host: str | None = None,
    port: int | None = None,
    allow_remote: bool = False,
    started: Callable[[str], Any] = print,
) -> None:
    """Serve the pages of a workspace on the loopback interface, or on ``host``, until it is interrupted.

    port: None takes 7300 or the next free one. started: receives the address with the token, once.
    Raises InvalidInput for another host than this machine without ``allow_remote``, and for a port in use.
    """
    address = host or LOOPBACK[0]
    if address not in LOOPBACK and not allow_remote:
        raise InvalidInput(
            f"--host {address} would show this workspace to other machines",
            hint="add --allow-remote; whoever has the printed address can then read every run",
        )
    listener = _listener(address, port)
    token = secrets.token_urlsafe(24)
    config = uvicorn.Config(
        Access(site(workspace), token, {*LOOPBACK, address}),
        http=_PatientProtocol,
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=int(_HEADER_SECONDS),
        h11_max_incomplete_event_size=32_768,
    )
    shown = f"[{address}]" if ":" in address else address
    started(f"http://{shown}:{listener.getsockname()[1]}/?{TOKEN}={token}")
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        listener.close()


def _listener(address: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    ports = [port] if port is not None else [*range(PORT, PORT + _PORTS_TRIED), 0]
    for number in ports:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, number))
        except OSError as error:
            listener.close()
            reason = error.strerror
            continue
        listener.listen(_CONNECTIONS)  # connections wait from now on, before the address is known to anybody
        return listener
    raise InvalidInput(f"port {port} of {address} cannot be used: {reason}", hint="give another one with --port")


__all__ = ["PORT", "serve"]
