"""Statements for the objects that rows of the database need."""

from __future__ import annotations

NEEDED = (
    "SELECT digest, run.ref FROM environment_body JOIN environment ON environment.environment_body_id ="
    " environment_body.id JOIN run ON run.id = environment.run_id"
    " UNION SELECT digest, run.ref FROM environment_end JOIN environment ON end_id = environment_end.id"
    " JOIN run ON run.id = run_id"
    " UNION SELECT substr(location_ref, 8), run.ref FROM artifact JOIN run ON run.id = run_id"
    " WHERE substr(location_ref, 1, 7) = 'object:' ORDER BY 1, 2"
)
"""(digest, run) of every object that a row needs."""


def runs_with_object(digest: str) -> str:
    """A statement for the references of at most 20 runs with an object. digest: only a digest, not any text."""
    return (
        "SELECT DISTINCT run.ref FROM run LEFT JOIN environment ON environment.run_id = run.id LEFT JOIN"
        " environment_body ON environment_body.id = environment.environment_body_id"
        " LEFT JOIN environment_end ON environment_end.id = end_id"
        " LEFT JOIN shared_fact ON shared_fact.id IN (command_id, invocation_id, source_id)"
        f" LEFT JOIN artifact ON artifact.run_id = run.id AND location_ref = 'object:{digest}'"
        f" WHERE '{digest}' IN (environment_body.digest, environment_end.digest) OR location_ref IS NOT NULL"
        f" OR replace(run.metadata, '{digest}', '') <> run.metadata"
        f" OR replace(shared_fact.body, '{digest}', '') <> shared_fact.body ORDER BY 1 LIMIT 20"
    )
