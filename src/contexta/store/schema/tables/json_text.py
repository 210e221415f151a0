"""Canonical JSON text, as mappings are stored."""

from __future__ import annotations

import json
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def encode_json(value: Any) -> str:
    """Canonical JSON text: sorted keys, no spaces, ASCII only; NaN and infinities as Python writes them."""
    return _ENCODER.encode(value)


def decode_json(text: str) -> Any:
    """The inverse of encode_json. Raises ValueError for other text."""
    return json.loads(text)
