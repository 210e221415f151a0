"""Walking along edges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from contexta.core.references import StableRef
from contexta.findings import Direction, Lineage, LineageStep

MOST_EDGES = 10_000

EdgesAt = Callable[[Sequence[StableRef], bool], Iterable[LineageStep]]
"""(references, whether downstream) -> the edges that begin at one of them; else those that end at one."""


def traverse(
    root: StableRef, edges_at: EdgesAt, direction: Direction, max_depth: int | None = None, most: int = MOST_EDGES
) -> Lineage:
    """Everything that can be reached from root, the nearest first; a circle is walked once.

    Asks edges_at once for each depth and way. Both ways means any way: what a neighbour came from is reached too.
    """
    ways = {"downstream": (True,), "upstream": (False,), "both": (True, False)}[direction]
    visited, frontier = {root: None}, [root]
    edges: dict[tuple[StableRef, StableRef, str, str | None], LineageStep] = {}
    depth, full = 0, False
    while frontier and not full and (max_depth is None or depth < max_depth):
        depth += 1
        reached: dict[StableRef, None] = {}
        for downstream in ways:
            for edge in edges_at(frontier, downstream):
                key = (edge.source_ref, edge.target_ref, edge.relation_type, edge.relation_ref)
                if key in edges:
                    continue
                if len(edges) >= most:
                    full = True
                    break
                edges[key] = edge.model_copy(update={"depth": depth})
                reached[edge.target_ref if downstream else edge.source_ref] = None
        frontier = [ref for ref in reached if ref not in visited]
        visited.update(dict.fromkeys(frontier))
    return Lineage(
        root_ref=root,
        direction=direction,
        max_depth=max_depth,
        edges=tuple(edges.values()),
        visited_refs=tuple(visited),
        completeness_notes=tuple(_notes(root, edges.values(), full, frontier, most)),
    )


def _notes(
    root: StableRef, edges: Iterable[LineageStep], full: bool, frontier: Sequence[StableRef], most: int
) -> list[str]:
    if full:
        return [f"there are more than {most} edges: ask with max_depth, or from somewhere else"]
    if not list(edges):
        return [f"nothing is joined to {root} this way"]
    return [f"{len(frontier)} more to go on from beyond this depth"] if frontier else []
