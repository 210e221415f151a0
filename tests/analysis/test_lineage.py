from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from contexta.analysis.lineage import EdgesAt, traverse
from contexta.core.references import StableRef
from contexta.findings import LineageStep

Pairs = set[tuple[int, int]]
GRAPHS = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] != pair[1]), max_size=20)


def ref(number: int) -> StableRef:
    return StableRef("artifact", f"p.r.a{number}")


def edges_of(pairs: Pairs) -> EdgesAt:
    def edges_at(refs: Sequence[StableRef], downstream: bool) -> Iterator[LineageStep]:
        for source, target in sorted(pairs):
            if ref(source if downstream else target) in refs:
                yield LineageStep(source_ref=ref(source), target_ref=ref(target), relation_type="made", depth=0)

    return edges_at


def reachable(pairs: Pairs, start: int) -> dict[int, int]:
    """Number -> how many edges away, by the simplest means."""
    lineage, depth = {start: 0}, 0
    while True:
        depth += 1
        new = {target for source, target in pairs if source in lineage and target not in lineage}
        if not new:
            return lineage
        lineage.update(dict.fromkeys(new, depth))


@given(GRAPHS)
def test_downstream_reaches_everything_along_the_edges_and_nothing_else(pairs: Pairs) -> None:
    lineage = traverse(ref(0), edges_of(pairs), "downstream")
    away = reachable(pairs, 0)
    assert set(lineage.visited_refs) == {ref(number) for number in away}
    assert {(edge.source_ref, edge.target_ref) for edge in lineage.edges} == {
        (ref(source), ref(target)) for source, target in pairs if source in away
    }
    for edge in lineage.edges:
        assert edge.depth == away[int(edge.source_ref.name[1:])] + 1


@given(GRAPHS)
def test_upstream_is_downstream_of_the_edges_turned_around(pairs: Pairs) -> None:
    turned = {(target, source) for source, target in pairs}
    assert set(traverse(ref(0), edges_of(pairs), "upstream").visited_refs) == set(
        traverse(ref(0), edges_of(turned), "downstream").visited_refs
    )


@given(GRAPHS)
def test_both_ways_reaches_the_whole_component(pairs: Pairs) -> None:
    either = pairs | {(target, source) for source, target in pairs}
    lineage = traverse(ref(0), edges_of(pairs), "both")
    assert set(lineage.visited_refs) == {ref(number) for number in reachable(either, 0)}
    assert len(lineage.edges) == len({edge.model_dump_json(exclude={"depth"}) for edge in lineage.edges})


@given(GRAPHS, st.integers(1, 4))
def test_traversal_ends_at_the_maximum_depth(pairs: Pairs, depth: int) -> None:
    lineage = traverse(ref(0), edges_of(pairs), "downstream", max_depth=depth)
    away = reachable(pairs, 0)
    assert set(lineage.visited_refs) == {ref(number) for number, steps in away.items() if steps <= depth}


def test_too_many_edges_are_cut_with_a_note() -> None:
    star = {(0, number) for number in range(1, 8)}
    lineage = traverse(ref(0), edges_of(star), "downstream", most=3)
    assert len(lineage.edges) == 3
    assert lineage.completeness_notes == (
        "there are more than 3 edges: limit max_depth, or start at another reference",
    )


def test_a_reference_without_edges_gives_a_note() -> None:
    assert traverse(ref(0), edges_of(set()), "both").completeness_notes == (
        "artifact:p.r.a0 has no edges in this direction",
    )
