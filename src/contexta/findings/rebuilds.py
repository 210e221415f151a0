"""Whether a recorded environment could be had again, and in what the one that was built differs."""

from __future__ import annotations

from typing import Literal

from contexta.contract.fields import RunRef
from contexta.findings.finding import Finding

MissingReason = Literal[
    "python",  # no such interpreter on this machine
    "release removed",  # the index has the project, and not that release
    "project removed",  # the index does not know the project
    "no wheel",  # the release has none for this interpreter and platform
    "index unreachable",  # nobody answered: nothing is known about the release
    "hash mismatch",  # what came is not what was promised
    "local tag",  # a version as 2.1.0+cu118, which public indexes do not hold
    "conda",  # came from conda, which uv does not install from
    "repository",  # the repository, or its commit, is not at hand
    "uncommitted changes",  # a working tree whose changes were not recorded
    "local directory",  # installed from a directory or file that is not there
    "build failed",  # building it from source did not work
    "not installable",  # name, version or address is none that can be installed
    "no hash",  # requirements with hashes cannot hold it
]
Verdict = Literal["match", "deviates", "impossible"]


class Missing(Finding):
    """Something the recorded environment has and that cannot be had again. help: what would change that."""

    name: str
    version: str
    reason: MissingReason
    detail: str
    help: str | None = None


class Deviation(Finding):
    """One thing in which the environment that was built differs from the recorded one; None stands for absent."""

    kind: Literal["platform", "python", "interpreter", "package", "build", "origin", "files"]
    key: str
    recorded: str | None
    rebuilt: str | None
    why: str | None = None

    def __str__(self) -> str:
        return f"{self.key}: {self.recorded or 'absent'} -> {self.rebuilt or 'absent'}"


class Rebuild(Finding):
    """A recorded environment, built again and compared with the recording.

    verdict: ``match``: everything that was recorded and can be compared is the same; ``deviates``: it was built, and
    differs in ``deviations``; ``impossible``: it was not built, as something is ``missing``.
    into: where it is; None when it was not built. environment_key: the digest of what was asked for and of the
    interpreter, under which the cache knows it. build_count: packages whose files were compared by digest.
    """

    run_ref: RunRef
    verdict: Verdict
    into: str | None
    python: str | None
    recorded_python: str
    rebuilt_python: str | None
    platform: str
    package_count: int
    build_count: int = 0
    deviations: tuple[Deviation, ...] = ()
    missing: tuple[Missing, ...] = ()
    notes: tuple[str, ...] = ()
    from_cache: bool = False
    environment_key: str | None = None
    seconds: float
