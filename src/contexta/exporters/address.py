"""Addresses of servers."""

from __future__ import annotations


def without_password(address: str) -> str:
    """An address without user, password and query, for messages."""
    scheme, mark, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}" if mark else address
