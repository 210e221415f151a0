"""Traverse lineage edges from one reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from contexta.core.references import StableRef
from contexta.findings import Lineage, LineageDirection, LineageStep

MOST_EDGES = 10_000

EdgesAt = Callable[[Sequence[StableRef], bool], Iterable[LineageStep]]
"""(references, is_downstream) -> the edges that start at one of them, or that end at one of them."""


def traverse(
    root: StableRef,
    edges_at: EdgesAt,
    direction: LineageDirection,
    max_depth: int | None = None,
    most: int = MOST_EDGES,
) -> Lineage:
    """Everything reachable from root, the nearest first. A cycle is followed once.

    Calls edges_at once per depth and direction. ``both`` may change the direction at every step.
    """
    directions = {"downstream": (True,), "upstream": (False,), "both": (True, False)}[direction]
    visited, frontier = {root: None}, [root]
    edges: dict[tuple[StableRef, StableRef, str, str | None], LineageStep] = {}
    depth, is_full = 0, False
    while frontier and not is_full and (max_depth is None or depth < max_depth):
        depth += 1
        reached: dict[StableRef, None] = {}
        for is_downstream in directions:
            for edge in edges_at(frontier, is_downstream):
                key = (edge.source_ref, edge.target_ref, edge.relation_type, edge.relation_ref)
                if key in edges:
                    continue
                if len(edges) >= most:
                    is_full = True
                    break
                edges[key] = edge.model_copy(update={"depth": depth})
                reached[edge.target_ref if is_downstream else edge.source_ref] = None
        frontier = [ref for ref in reached if ref not in visited]
        visited.update(dict.fromkeys(frontier))
    return Lineage(
        root_ref=root,
        direction=direction,
        max_depth=max_depth,
        edges=tuple(edges.values()),
        visited_refs=tuple(visited),
        completeness_notes=tuple(_notes(root, edges.values(), is_full, frontier, most)),
    )


def _notes(
    root: StableRef, edges: Iterable[LineageStep], is_full: bool, frontier: Sequence[StableRef], most: int
) -> list[str]:
    if is_full:
        return [f"there are more than {most} edges: limit max_depth, or start at another reference"]
    if not list(edges):
        return [f"{root} has no edges in this direction"]
    return [f"references at the depth limit that were not followed: {len(frontier)}"] if frontier else []
