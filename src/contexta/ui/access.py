"""Decide which requests reach the pages: the outermost ASGI layer, which denies by default.

A request passes if its Host is allowed, it carries the session cookie, its method is allowed, its parameters are not
too long, and, unless it only reads, it comes from a page of this server. The token of the printed URL is exchanged for
the cookie once and removed from the address. Everything else is answered here, also web sockets.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from html import escape
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
QUERY_BYTES = 8_192
"""A longer query string is refused."""
BODY_BYTES = 65_536
"""A longer body is refused."""
_LENGTH_DIGITS = 20  # Python reads no number of thousands of digits
TOKEN = "token"
_READS = ("GET", "HEAD")
_WRITES = ("POST",)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
"""Headers of every response. A response may replace the policy by a stricter one, and nothing else."""


class Access:
    """The ASGI application ``pages``, for those who have the token.

    hosts: the names by which a browser may address the server, without a port.
    """

    def __init__(self, pages: Application, token: str, hosts: Iterable[str] = LOOPBACK) -> None:
        self._pages = pages
        self._token = token
        self._hosts = frozenset(host.lower() for host in hosts)
        self._session = secrets.token_urlsafe(32)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._pages(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        parameters = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        tokens = [value for name, value in parameters if name == TOKEN]
        cookie = f"contexta-{scope['server'][1]}" if scope.get("server") else "contexta"
        if tokens:
            await self._exchange(scope, send, cookie, tokens[-1], parameters)
        elif secrets.compare_digest(_cookie(headers, cookie), self._session.encode()):
            await self._pages(scope, _limited(receive), send)
        else:
            await _answer(send, 401, "This page needs the address that `contexta ui` printed, with its token.")

    def _refusal(self, scope: Message, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        host = headers.get(b"host", b"").decode("latin-1")
        if _without_port(host).lower() not in self._hosts:
            hint = "To serve other names, start it with --host NAME --allow-remote."
            return 421, f"This server does not answer for the host {host[:200] or '(none)'}. {hint}"
        if len(scope["query_string"]) > QUERY_BYTES:
            return 414, f"The address is too long: its parameters have more than {QUERY_BYTES} bytes."
        if scope["method"] in _READS:
            return None
        if scope["method"] not in _WRITES:
            return 405, f"The method {scope['method'][:20]} is not used here."
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > _LENGTH_DIGITS or int(length) > BODY_BYTES:
            return 413, f"The request is too long: its body may have {BODY_BYTES} bytes."
        origin = headers.get(b"origin", b"").decode("latin-1")
        site = headers.get(b"sec-fetch-site", b"").decode("latin-1")
        # Forms of pages with the policy no-referrer have the origin "null"; then the browser must name the site.
        is_ours = origin == f"{scope['scheme']}://{host}" or (origin == "null" and site == "same-origin")
        if not is_ours or site not in ("", "same-origin"):
            return 403, f"Changes are accepted from the pages of this server only, not from {origin[:200] or 'others'}."
        return None

    async def _exchange(
        self, scope: Message, send: Send, cookie: str, token: str, parameters: list[tuple[str, str]]
    ) -> None:
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            await _answer(send, 401, "The token is not that of this server. `contexta ui` prints the address to open.")
            return
        rest = urlencode([(name, value) for name, value in parameters if name != TOKEN])
        path = "/" + scope["path"].lstrip("/")  # a path of two slashes would name another host
        target = quote(path) + (f"?{rest}" if rest else "")
        secured = "; Secure" if scope["scheme"] == "https" else ""
        value = f"{cookie}={self._session}; HttpOnly; SameSite=Strict; Path=/{secured}"
        headers = [(b"location", target.encode()), (b"set-cookie", value.encode())]
        await _answer(send, 303, "", headers)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _cookie(headers: dict[bytes, bytes], name: str) -> bytes:
    for part in headers.get(b"cookie", b"").split(b";"):
        key, _, value = part.strip().partition(b"=")
        if key == name.encode():
            return value
    return b""


def _limited(receive: Receive) -> Receive:
    """The body up to ``BODY_BYTES``, also if its length was not announced."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > BODY_BYTES:
            return {"type": "http.disconnect"}
        return message

    return limited


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message.get("headers", ())}
            added = [(name, value) for name, value in HEADERS if name not in present]
            if b"cache-control" not in present:
                added.append((b"cache-control", b"no-store"))
            message["headers"] = [*message.get("headers", ()), *added]
        await send(message)

    return with_headers


async def _answer(send: Send, status: int, text: str, headers: Iterable[Header] = ()) -> None:
    body = (
        f"<!doctype html><meta charset=utf-8><title>contexta</title><p>{escape(text)}</p>\n".encode() if text else b""
    )
    start: list[Header] = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*start, *headers]})
    await send({"type": "http.response.body", "body": body})


__all__ = ["HEADERS", "LOOPBACK", "POLICY", "TOKEN", "Access"]
