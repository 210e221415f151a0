"""The environment of the running interpreter, gathered from the probes into one body.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import json
import platform
import sys
from typing import Any, Dict


def capture() -> Dict[str, Any]:
    """The body of an environment snapshot, in the shape of ``contexta.contract.EnvironmentSnapshot`` without whose it
    is and when it was seen."""
    from importlib import metadata

    found: Dict[str, Dict[str, Any]] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            normal = name.lower().replace("_", "-").replace(".", "-")
            found.setdefault(normal, {"name": normal, "version": distribution.version, "origin": {"kind": "index"}})
    return {
        "python_version": ".".join(map(str, sys.version_info[:3])),
        "platform": platform.platform(),
        "distributions": [found[name] for name in sorted(found)],
        "environment_variables": {},
    }


def encode(body: Dict[str, Any]) -> bytes:
    """The bytes that a body is content-addressed by."""
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
