"""The values of a submitted form."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict

Submitted = ImmutableMultiDict[str, str]


def submitted(body: bytes) -> Submitted:
    """The values of a form in the encoding of addresses, which all forms of the pages have."""
    return ImmutableMultiDict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def local_path(path: str) -> str:
    """The path if it is one of this server, else the first page."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


__all__ = ["Submitted", "local_path", "submitted"]
