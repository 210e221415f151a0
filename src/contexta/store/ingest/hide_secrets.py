"""Hide the secrets in values that users write to a workspace: origins, variables, attributes, texts.

The recorder applies the same rules before it writes (``contexta.recorder.redaction.redact``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, TypeVar

from contexta.core.model import Value
from contexta.core.references import StableRef
from contexta.recorder.journal.objects import Objects
from contexta.recorder.redaction import redact
from contexta.recorder.session.salt import salt_or_another

V = TypeVar("V", bound=Value)
_PLAIN = ("_at", "_type", "_marker", "kind", "status", "build", "digest", "version", "commit")
"""Endings of the names of fields that hold times, digests and words of a fixed list."""
_NEVER = frozenset([bool, int, float, StableRef])


def without_secrets(value: V, objects: Objects) -> V:
    """The same value with hidden secrets; the value itself if it has none. objects: their salt hashes the secrets. The
    salt is created only if there is a secret.
    """
    return value if _hidden(value, None) is value else _hidden(value, salt_or_another(objects))


def text_without_secrets(text: str, objects: Objects) -> str:
    """The same text with hidden secrets."""
    return text if _inside(text, None) == text else _inside(text, salt_or_another(objects))


def tags_without_secrets(tags: Mapping[str, str], objects: Objects) -> Mapping[str, str]:
    """The same tags with hidden secrets."""
    return tags if _mapping(tags, None) is tags else _mapping(tags, salt_or_another(objects))


def _hidden(value: V, salt: bytes | None) -> V:
    changed = {}
    fields = value.__dict__
    for name in _looked_at(type(value)):
        held = fields[name]
        if not held or type(held) in _NEVER:
            continue
        clean = _clean(name, held, salt)
        if clean is not held and clean != held:
            changed[name] = clean
    return value.model_copy(update=changed) if changed else value


def _clean(name: str, held: Any, salt: bytes | None) -> Any:
    if isinstance(held, Value):
        return _hidden(held, salt)
    if isinstance(held, str):
        return redact.clean_url(held) if name == "url" else _inside(held, salt)
    if isinstance(held, Mapping):
        return _mapping(held, salt) if held else held
    if isinstance(held, tuple):
        return tuple(_clean(name, item, salt) for item in held)
    return held


@cache
def _looked_at(model: type[Value]) -> tuple[str, ...]:
    return tuple(name for name in model.model_fields if not name.endswith(_PLAIN))


def _mapping(held: Mapping[str, Any], salt: bytes | None) -> Mapping[str, Any]:
    clean: Mapping[str, Any] = redact.parameters(dict(held), salt)[0]
    return held if clean == held else clean


@lru_cache(maxsize=10_000)
def _inside(text: str, salt: bytes | None) -> str:
    """Most texts of many records are equal."""
    return redact.inside(text, salt)
