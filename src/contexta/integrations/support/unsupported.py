"""Errors for the names of another tracker that its drop-in module does not have.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from contexta.core.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Unsupported(InvalidInput, AttributeError):
    """An object of a drop-in module has no such attribute."""


def missing_name(module: str, name: str, alternatives: Mapping[str, str]) -> Exception:
    """The error for a name of a module. It is no AttributeError: ``from MODULE import NAME`` would hide its hint.

    alternatives: by name. Names with an underscore get a plain AttributeError, because Python itself looks for them.
    """
    if name.startswith("_"):
        return AttributeError(f"module 'contexta.{module}' has no attribute {name!r}")
    return InvalidInput(f"contexta.{module} has no {name}", hint=_hint(module, name, alternatives))


def missing_attribute(module: str, owner: str, name: str, alternatives: Mapping[str, str]) -> AttributeError:
    """The error for an attribute of an object."""
    if name.startswith("_"):
        return AttributeError(f"{owner!r} object has no attribute {name!r}")
    return Unsupported(f"{owner} of contexta.{module} has no {name}", hint=_hint(module, name, alternatives))


def _hint(module: str, name: str, alternatives: Mapping[str, str]) -> str:
    package = {"tensorboard": "torch.utils.tensorboard"}.get(module, module)
    default = f"import {package} itself, and record what it logs with `contexta run` or contexta.init(mirror=True)"
    return alternatives.get(name, default)
