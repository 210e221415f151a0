"""Arguments of methods: validate them, and accept their second names: ``metric_key=`` is ``metric=``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from contexta.client.reading.workspace import Workspace
from contexta.core.errors import InvalidInput, shown
from contexta.core.references import StableRef, slug

if TYPE_CHECKING:
    from sqlalchemy import Connection


_ALIASES = {
    "metric_key": "metric",
    "project_name": "project",
    "project_ref": "project",
    "run_id": "run",
    "run_ref": "run",
    "run_ids": "runs",
    "run_refs": "runs",
    "subject_ref": "ref",
    "left_run_id": "left",
    "left_run_ref": "left",
    "right_run_id": "right",
    "right_run_ref": "right",
}

F = TypeVar("F", bound="Callable[..., Any]")  # as text: Python 3.8 imports this module to say that it is too old


def with_aliases(method: F) -> F:
    """The method, which also accepts its arguments by their second names. Raises InvalidInput for both names."""
    code = method.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    accepted = {alias: name for alias, name in _ALIASES.items() if name in names and alias not in names}

    @wraps(method)
    def call(*arguments: Any, **keywords: Any) -> Any:
        for alias in accepted.keys() & keywords.keys():
            name = accepted[alias]
            if name in keywords:
                raise InvalidInput(f"{method.__name__} got {name} and {alias}, which are the same", hint="give one")
            keywords[name] = keywords.pop(alias)
        return method(*arguments, **keywords)

    return cast("F", call)


def project_ref(project: str) -> StableRef:
    """The reference of a project by its name or reference."""
    if not isinstance(project, str):
        raise InvalidInput(f"project {shown(project)} is not a text", hint="give its name or reference")
    if project.startswith("project:"):
        return StableRef.parse(project)
    return StableRef("project", slug(project) or project)


def find_project_key(workspace: Workspace, connection: Connection, project: str | None) -> int | None:
    """The key of a project, or of the configured one; None for all projects. Raises NotFound."""
    from contexta.store.entities.reference_keys import find_id
    from contexta.store.query.near_names import require_project

    if project is not None:
        return require_project(connection, project_ref(project))
    configured = workspace.config.project_name
    return find_id(connection, "project", project_ref(configured)) if configured is not None else None


def selectors(runs: Sequence[str]) -> list[str]:
    """A list of at least one selector."""
    names = [runs] if isinstance(runs, str) else list(runs)
    if not names:
        raise InvalidInput("no runs were given", hint="name at least one")
    return names


def require_count(value: int | None, name: str) -> None:
    if value is not None and not (type(value) is int and 0 < value < 2**31):
        raise InvalidInput(f"{name} {shown(value)} is not a positive number", hint="give 1 or more")


def order_of(order: str | None, order_by: str | None) -> str | None:
    if order is None:
        return order_by
    if order not in ("latest", "oldest"):
        raise InvalidInput(f"order {shown(order)} is unknown", hint="it is latest or oldest; for others use order_by")
    if order_by is not None:
        raise InvalidInput(f"order {order} and order_by {shown(order_by)} were both given", hint="leave out one")
    return "started" if order == "oldest" else None


def condition_of(
    status: str | Sequence[str] | None, tags: Mapping[str, str] | Sequence[str] | str | None, where: str | None
) -> str | None:
    """All conditions as one, in the language of ``where``."""
    conditions = [f"({where})"] if where is not None else []
    if status is not None:
        statuses = (status,) if isinstance(status, str) else tuple(status)
        conditions.append(f"status in ({', '.join(map(_quoted, statuses))})")
    if isinstance(tags, Mapping):
        conditions += [f"tags.{_quoted(name)} = {_quoted(value)}" for name, value in tags.items()]
    elif tags is not None:
        conditions += [f"has tags.{_quoted(name)}" for name in ((tags,) if isinstance(tags, str) else tags)]
    return where if status is None and not tags else " and ".join(conditions)


def _quoted(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{shown(value)} is not a text", hint="status and tags are texts")
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def require_direction(workspace: Workspace, metric: str, higher_is_better: bool | None) -> bool:
    """Whether higher values of a metric are better. Raises InvalidInput if that is unknown."""
    from contexta.analysis.metrics.direction import direction_of

    lower = None if higher_is_better is None else not higher_is_better
    better, _ = direction_of(metric, workspace._directions(lower))
    if better is None:
        hint = "give higher_is_better=True or False, --higher-is-better or --lower-is-better"
        raise InvalidInput(f"the direction of {shown(metric)} is unknown", hint=hint)
    return better == "higher"
