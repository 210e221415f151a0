"""Bodies of environments: snapshots without their run and time, stored as objects that many runs share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from contexta.contract.environment import Distribution, EnvironmentSnapshot, Note, Origin
from contexta.contract.fields import FrozenDict, frozen
from contexta.core.errors import DamagedData, InvalidInput
from contexta.core.references import StableRef
from contexta.recorder.journal.objects import Objects
from contexta.store.schema import tables

_OF_THE_RUN = frozenset({"environment_snapshot_ref", "run_ref", "captured_at"})
_FIELDS = frozenset(EnvironmentSnapshot.model_fields) - _OF_THE_RUN
_DEFAULTS = {name: field.get_default() for name, field in Distribution.model_fields.items()}
_ORIGIN_DEFAULTS = {name: field.get_default() for name, field in Origin.model_fields.items()}


def encode_body(snapshot: EnvironmentSnapshot) -> bytes:
    """The content-addressed part of a snapshot: everything but its references and its time."""
    body = snapshot.model_dump(exclude=set(_OF_THE_RUN), exclude_defaults=True)
    if snapshot.distributions:
        del body["packages"]  # derived from them
    return tables.encode_json(body).encode()


def checked(
    objects: Objects, ref: StableRef, captured_at: str, digest: str, end: str | None = None
) -> EnvironmentSnapshot:
    """The snapshot of a body, with all fields validated. Raises NotFound, or DamagedData for another content.

    end: the digest of the facts that are collected at the end of the run.
    """
    try:
        body = _body(objects, digest, end)
        return EnvironmentSnapshot.model_validate(
            {**body, "environment_snapshot_ref": ref, "run_ref": ref.run, "captured_at": captured_at}
        )
    except InvalidInput as error:
        raise _malformed(digest, ref, error.what) from error
    except (ValueError, TypeError) as error:
        raise _malformed(digest, ref, str(error)) from error


def decoded(
    objects: Objects, ref: StableRef, captured_at: str, digest: str, end: str | None = None
) -> EnvironmentSnapshot:
    """As ``checked`` for a body that was validated when it was stored. Only its bytes are verified."""
    try:
        body = _body(objects, digest, end)
        if not body.keys() <= _FIELDS:
            raise ValueError(f"it has the fields {', '.join(sorted(body.keys() - _FIELDS))}")
        distributions = tuple(map(_distribution, body.get("distributions", ())))
        packages = body.get("packages") or {item.name: item.version for item in distributions}
        imports = body.get("imports")
        return EnvironmentSnapshot.model_construct(
            environment_snapshot_ref=ref,
            run_ref=ref.run,
            captured_at=captured_at,
            python_version=body["python_version"],
            platform=body["platform"],
            packages=FrozenDict(packages),
            environment_variables=FrozenDict(body.get("environment_variables", ())),
            distributions=distributions,
            interpreter=FrozenDict(frozen(body.get("interpreter", {}))),
            machine=FrozenDict(frozen(body.get("machine", {}))),
            native_libraries=frozen(body.get("native_libraries", [])),
            imports=None if imports is None else FrozenDict(frozen(imports)),
            notes=tuple(Note.model_construct(topic=note["topic"], text=note["text"]) for note in body.get("notes", ())),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _malformed(digest, ref, f"{type(error).__name__} {error}") from error


def _body(objects: Objects, digest: str, end: str | None) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(objects.get(digest))
    return body if end is None else _completed(body, json.loads(objects.get(end)))


def _malformed(digest: str, ref: StableRef, words: str) -> DamagedData:
    return DamagedData(f"the environment body {digest} of {ref} is malformed: {words}")


def _distribution(recorded: Mapping[str, Any]) -> Distribution:
    fields = {**_DEFAULTS, **recorded}  # in the order of the model, which is that of its JSON
    if "origin" in recorded:
        fields["origin"] = _origin(tuple(recorded["origin"].items()))
    fields["requires"] = tuple(fields["requires"])
    return Distribution.model_construct(**fields)


@lru_cache(maxsize=1_024)  # nearly all distributions have the same origin
def _origin(fields: tuple[tuple[str, Any], ...]) -> Origin:
    return Origin.model_construct(**{**_ORIGIN_DEFAULTS, **dict(fields)})


def _completed(body: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    """A body with the facts that are collected at the end (see ``contexta.recorder.session.environment.ended``)."""
    origins, gpus, notes = (end.pop(name, {}) for name in ("origins", "gpus", "notes"))
    full = {**body, **end}
    if origins:
        full["distributions"] = [
            {**item, "origin": origins[item["name"]]} if item["name"] in origins else item
            for item in body["distributions"]
        ]
    if gpus:
        full["machine"] = {**body.get("machine", {}), "gpus": gpus}
    if notes:
        full["notes"] = [*body.get("notes", ()), *notes]
    return full
