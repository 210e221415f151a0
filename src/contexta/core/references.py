"""References, ``kind:value``: the names of stored entities.

A value is components joined by dots. A component has lower-case letters and digits with single inner hyphens, at most
63 characters. The whole text has at most 255. Standard library only, Python 3.8.
"""

from __future__ import annotations

import re
import unicodedata

from contexta.core.errors import InvalidReference, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, FrozenSet, Optional, Tuple

MAX_COMPONENT = 63
MAX_REFERENCE = 255

# kind -> (numbers of components that its value may have, their names)
_SHAPES: Dict[str, Tuple[FrozenSet[int], str]] = {
    "project": (frozenset({1}), "project"),
    "run": (frozenset({2}), "project.run"),
    "stage": (frozenset({3}), "project.run.stage"),
    "batch": (frozenset({4}), "project.run.stage.batch"),
    "sample": (frozenset({4, 5}), "project.run.stage.name or project.run.stage.batch.name"),
    "op": (frozenset({4, 5}), "project.run.stage.name or project.run.stage.batch.name"),
    "record": (frozenset({3}), "project.run.name"),
    "artifact": (frozenset({3}), "project.run.name"),
    "environment": (frozenset({3}), "project.run.name"),
    "deployment": (frozenset({2}), "project.name"),
    "relation": (frozenset({3}), "project.run.name"),
    "provenance": (frozenset({3}), "project.run.name"),
}
KINDS = tuple(_SHAPES)

_COMPONENT = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")


class StableRef(str):
    """One reference. It *is* its text, so it compares, hashes, prints and serialises as ``kind:value``.

    Raises InvalidReference, naming the offending component and a corrected spelling.
    """

    __slots__ = ()

    def __new__(cls, kind: str, value: str) -> "StableRef":
        if not isinstance(kind, str) or not isinstance(value, str):
            raise InvalidReference(f"a reference is made of two texts, not {shown(kind)} and {shown(value)}")
        _check(kind, value)
        return str.__new__(cls, f"{kind}:{value}")

    def __getnewargs__(self) -> Tuple[str, str]:  # type: ignore[override]  # what __new__ takes here, not what str takes
        return (self.kind, self.value)

    def __repr__(self) -> str:
        return f"StableRef({str.__str__(self)!r})"

    def __str__(self) -> str:
        return str.__str__(self)

    @classmethod
    def parse(cls, text: str) -> "StableRef":
        """Read ``kind:value``. Raises InvalidReference if any rule of the grammar is broken."""
        if isinstance(text, cls):
            return text
        if not isinstance(text, str):
            raise InvalidReference(f"a reference is a text like run:project.name, not {shown(text)}")
        kind, colon, value = text.partition(":")
        if not colon:
            guess = {1: "project", 2: "run", 3: "stage"}.get(text.count(".") + 1, "stage")
            raise InvalidReference(
                f"reference {shown(text)} has no kind", hint=f"references read like {guess}:{_fixed(text)}"
            )
        return cls(kind, value)

    @property
    def kind(self) -> str:
        return str.__str__(self).partition(":")[0]

    @property
    def value(self) -> str:
        return str.__str__(self).partition(":")[2]

    @property
    def components(self) -> Tuple[str, ...]:
        return tuple(self.value.split("."))

    @property
    def name(self) -> str:
        """The last component."""
        return self.components[-1]

    @property
    def project(self) -> "StableRef":
        """The project that this belongs to."""
        return StableRef("project", self.components[0])

    @property
    def run(self) -> "StableRef":
        """The run that this belongs to. Raises InvalidReference for a project or a deployment, which have none."""
        if self.kind in ("project", "deployment"):
            raise InvalidReference(f"{self} belongs to no run")
        return StableRef("run", ".".join(self.components[:2]))

    def child(self, kind: str, name: str) -> "StableRef":
        """The reference of ``kind`` called ``name`` directly below this one."""
        return StableRef(kind, f"{self.value}.{name}")

    def starts_with(self, other: "StableRef") -> bool:
        """Whether the components begin with all those of ``other``."""
        mine, theirs = self.components, other.components
        return mine[: len(theirs)] == theirs


def _check(kind: str, value: str) -> None:
    text = f"{kind}:{value}"
    shape = _SHAPES.get(kind)
    if shape is None:
        raise InvalidReference(f"reference {shown(text)} has unknown kind {shown(kind)}", hint=_kind_hint(kind))
    counts, form = shape
    components = value.split(".")
    bad = next((c for c in components if not is_component(c)), None)
    if bad is not None:
        fixed = _fixed(value)
        raise InvalidReference(
            f"reference {shown(text)} has the invalid component {shown(bad)}: {_fault(bad)}",
            hint=f"did you mean {kind}:{fixed}?" if len(fixed.split(".")) in counts else f"{kind}: takes {form}",
        )
    if len(components) not in counts:
        raise InvalidReference(
            f"reference {shown(text)} has {len(components)} component{'s' * (len(components) != 1)}",
            hint=_count_hint(kind, components, counts, form),
        )
    if len(text) > MAX_REFERENCE:
        raise InvalidReference(
            f"reference {shown(text)} is {len(text)} characters long",
            hint=f"a reference has at most {MAX_REFERENCE} characters; shorten its components",
        )


def _count_hint(kind: str, components: Any, counts: FrozenSet[int], form: str) -> str:
    hint = f"{kind}: takes {form}"
    fits = [k for k in ("project", "run", "stage", "batch") if len(components) in _SHAPES[k][0] and k != kind]
    if len(components) > max(counts):
        return f"{hint}; did you mean {kind}:{'.'.join(components[: max(counts)])}?"
    return f"{hint}; did you mean {fits[0]}:{'.'.join(components)}?" if fits else hint


def _fixed(value: str) -> str:
    return ".".join(slug(c) or "name" for c in value[:MAX_REFERENCE].split(".") if c.strip()) or "name"


def _kind_hint(kind: str) -> str:
    from difflib import get_close_matches

    all_kinds = f"kinds are {', '.join(KINDS)}"
    close = get_close_matches(kind[:MAX_COMPONENT].strip().lower(), KINDS, n=1, cutoff=0.6)
    return f"did you mean {close[0]}:? {all_kinds}" if close else all_kinds


def _fault(component: str) -> str:
    if not component:
        return "it is empty"
    if len(component) > MAX_COMPONENT:
        return f"it has {len(component)} characters, at most {MAX_COMPONENT} are allowed"
    if component.startswith("-") or component.endswith("-"):
        return "a hyphen is only allowed between letters or digits"
    if "--" in component:
        return "two hyphens in a row are not allowed"
    if component.lower() != component:
        return "letters are lower-case"
    wrong = next((c for c in component if not re.match(r"[a-z0-9-]", c)), "")
    return f"{shown(wrong)} is not allowed, only a-z, 0-9 and single inner hyphens"


def is_component(text: str) -> bool:
    return len(text) <= MAX_COMPONENT and _COMPONENT.match(text) is not None


def slug(text: str) -> Optional[str]:
    """The valid component nearest to a display name, or None when no letter or digit of it is valid.

    "This Month (2)" -> "this-month-2"; accents are dropped ("Prüfung" -> "prufung").
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    joined = "-".join(re.findall(r"[a-z0-9]+", plain.lower()))
    return joined[:MAX_COMPONENT].strip("-") or None


def numbered(component: str, number: int) -> str:
    """``component`` followed by ``-number``, shortened to stay a valid component."""
    tail = f"-{number}"
    return component[: MAX_COMPONENT - len(tail)].rstrip("-") + tail
