"""Capture the source of a run: the commit, and all differences from it as one patch.

The user's repository and index are read, never written.
"""

from __future__ import annotations

import os

from contexta.recorder.notes import note, reason, storable
from contexta.recorder.source.files import MAX_FILE, MAX_PATCH, TOPIC, choose, listed, without_workspace
from contexta.recorder.source.git import output
from contexta.recorder.source.limits import Limits
from contexta.recorder.source.repository import NO_PATCH, NOT_IN_GIT, UNKNOWN, locate, remote_of, status_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, Sequence

    from contexta.recorder.notes import Note
    from contexta.recorder.source.repository import Location

_PIECE = 128 * 1024  # bytes
_ROUNDS = 3  # times a patch is read while the program writes to its files
_MOST_EXCLUDED = 2_000  # files, which must fit into a command line
_OF_SUBMODULE = ("commit", "branch", "remote", "dirty", "patch_applies", "reason")


def source(
    directory: str,
    *,
    salt: bytes,
    workspace: str = "",
    limits: Optional[Limits] = None,
    max_file: int = MAX_FILE,
    max_patch: int = MAX_PATCH,
    prefix: str = "",
) -> tuple[dict[str, Any], Optional[bytes], list[Note]]:
    """The facts about the repository around a directory, the patch against its commit or None, and notes.

    facts: root, directory (relative to the root, "." for the root itself), commit, branch, remote, dirty,
    patch_applies (False if a secret was taken out of the patch), and submodules: the facts of each submodule whose
    commit or files differ from what is committed. Without a commit it is None, and ``reason`` says why: there is none
    (NOT_IN_GIT), or it is unknown (the reason begins with UNKNOWN). An unknown ``dirty`` is left out.

    The patch contains staged, unstaged and untracked changes, also those in submodules, for ``git apply --binary`` at
    the root. Left out, and noted by name: files that hold secrets or data by their name, files over max_file bytes,
    and files that the program has written since it began.

    workspace: where this run is recorded; its files are no source. prefix: of all paths in the patch.
    Takes about 50 ms, and more for big repositories.
    """
    capture = _Capture(salt, workspace, limits or Limits(), max_file, max_patch, prefix)
    facts = capture.facts
    patch = None
    try:
        patch = capture.read(directory)
    except Exception as error:  # noqa: BLE001  # the run continues, whatever the fault of the repository
        text = storable(str(getattr(error, "what", None) or reason(error)))
        failure = "the source cannot be captured" if facts.get("commit") else "the commit is unknown"
        capture.note(f"{failure}: {text}")
        if not facts.get("commit"):
            facts.update(commit=None, reason=f"{UNKNOWN}{text}"[:1_000])
    facts = {name: fact for name, fact in facts.items() if fact is not None or "reason" in facts}
    return facts, patch, capture.notes


class _Capture:
    """One capture. facts and notes: the results so far, also after a failure."""

    def __init__(self, salt: bytes, workspace: str, limits: Limits, max_file: int, max_patch: int, prefix: str) -> None:
        self.facts: dict[str, Any] = {}
        self.notes: list[Note] = []
        self._salt = salt
        self._workspace = workspace
        self._limits = limits
        self._max_file = max_file
        self._max_patch = max_patch
        self._prefix = prefix

    def note(self, text: str) -> None:
        self.notes.append(note(TOPIC, text))

    def read(self, directory: str) -> Optional[bytes]:
        """The patch, or None."""
        location = locate(directory, self._limits)
        if location is None:
            self.facts.update(commit=None, reason=NOT_IN_GIT)
            return None
        root, commit = location.root, location.commit
        self.facts.update(root=storable(root), directory=storable(location.directory))
        status = status_of(root, self._limits, self.notes)
        self.facts.update(commit=commit or None, branch=status.branch)
        self.facts.update(remote=remote_of(root, status.upstream, self._limits))
        if status.changed is None:
            return None
        untracked = status.untracked
        if self._workspace:
            untracked = without_workspace(untracked, root, self._workspace)
        if not commit:
            self.note("the repository has no commits yet: the patch holds everything")
        elif commit != status.commit:
            self.note(f"the program moved the repository to {status.commit} while the source was read")
        patch = self._as_the_program_began(location, status.changed, untracked)
        patch = self._without_secrets(patch) if patch else None
        return self._with_submodules(root, status.submodules, patch) if status.submodules else patch

    def _as_the_program_began(self, location: Location, changed: list[str], untracked: list[str]) -> Optional[bytes]:
        """The patch without what the program has written since it began, read again while it writes more.

        A new file that it wrote is no source. The earlier content of a file that it overwrote is unknown. Without other
        changes, it is also unknown whether there were any.
        """

        def too_new(paths: Sequence[str]) -> set[str]:
            return {path for path in paths if self._limits.is_too_new(os.path.join(location.root, path))}

        late = too_new([*changed, *untracked])
        for _ in range(_ROUNDS):
            old_changed = [path for path in changed if path not in late]
            old_untracked = [path for path in untracked if path not in late]
            excluded = [path for path in changed if path in late]
            patch, notes = self._patch_of(location, old_changed, old_untracked, excluded)
            meanwhile = too_new([*old_changed, *old_untracked])
            if not meanwhile:
                break
            late |= meanwhile
        else:
            patch, notes = None, []
            self.note(f"{NO_PATCH}: the program kept writing to the files while they were read")
        self.notes.extend(notes)
        written, created = (sorted(late.intersection(paths)) for paths in (changed, untracked))
        if written:
            self.note(f"{NO_PATCH} of files that the program wrote before they were read: {listed(written)}")
        if created:
            self.note(f"not in the patch, as they were written after the program began: {listed(created)}")
        if old_changed or old_untracked or not written:
            self.facts["dirty"] = bool(old_changed or old_untracked)
        return patch

    def _patch_of(
        self, location: Location, changed: list[str], untracked: list[str], excluded: list[str]
    ) -> tuple[Optional[bytes], list[Note]]:
        """(the patch of these files, notes)"""
        from contexta.core.processes.process import ProcessError

        if not changed and not untracked:
            return None, []
        chosen, refused, notes = choose(location.root, [*changed, *untracked], self._max_file, self._max_patch)
        new = [path for path in untracked if path in chosen]
        try:
            return self._diff(location, new, [*refused, *excluded]), notes
        except (ProcessError, OSError) as error:
            return None, [*notes, note(TOPIC, f"{NO_PATCH}: {getattr(error, 'what', None) or reason(error)}")]

    def _diff(self, location: Location, new: Sequence[str], excluded: Sequence[str]) -> bytes:
        """The difference between commit and working tree, with the untracked files ``new`` and without others."""
        import shutil
        import tempfile

        from contexta.core.processes.process import ProcessError
        from contexta.recorder.source.git import git, message

        limits, root = self._limits, location.root
        folder = tempfile.mkdtemp(prefix="contexta-")
        try:
            extra = self._index_with(new, location, folder) if new else {}
            query = ["diff", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames"]
            query += [f"--src-prefix=a/{self._prefix}", f"--dst-prefix=b/{self._prefix}", "--ignore-submodules=dirty"]
            query += [location.commit or self._empty_tree(root), "--", ":/"]
            query += [f":(top,exclude,literal){path}" for path in excluded if path not in new][:_MOST_EXCLUDED]
            options: dict[str, Any] = {"stop": limits.stop, "extra": extra, "max_output": self._max_patch}
            finished = git(query, root, limits.seconds, **options)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if finished.exit_code != 0:
            raise ProcessError(message(finished) or "git diff failed")
        if finished.stdout_truncated:
            raise ProcessError(f"the patch is over {self._max_patch} bytes")
        return finished.stdout

    def _empty_tree(self, root: str) -> str:
        query = ["hash-object", "-t", "tree", "--stdin"]
        return output(query, root, self._limits.seconds, stop=self._limits.stop, input=b"").decode().strip()

    def _index_with(self, new: Sequence[str], location: Location, folder: str) -> dict[str, str]:
        """Variables with which git uses a copy of the index with the files ``new``, and writes to ``folder``."""
        import shutil

        extra = {
            "GIT_INDEX_FILE": os.path.join(folder, "index"),
            "GIT_OBJECT_DIRECTORY": os.path.join(folder, "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": location.objects,
        }
        os.mkdir(extra["GIT_OBJECT_DIRECTORY"])
        try:
            # With its time: git reads the files again that were written in the same moment.
            shutil.copy2(os.path.join(location.git_directory, "index"), extra["GIT_INDEX_FILE"])
        except FileNotFoundError:
            pass  # no file was ever added
        names = b"\0".join(os.fsencode(path) for path in new)
        add = ["--literal-pathspecs", "add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul"]
        output(add, location.root, self._limits.seconds, stop=self._limits.stop, extra=extra, input=names)
        return extra

    def _without_secrets(self, patch: bytes) -> Optional[bytes]:
        """The patch without secrets. A megabyte takes a second, so the end of the run does not wait for the rest."""
        from contexta.recorder.source.patches import without_secrets

        cleaned: list[bytes] = []
        touched: list[str] = []
        begin = 0
        while begin < len(patch):
            if self._limits.stop is not None and self._limits.stop.is_set():
                self.note(f"{NO_PATCH}: the program ended while {len(patch)} bytes were searched for secrets")
                return None
            cut = patch.find(b"\ndiff --git ", begin + _PIECE) + 1
            end = cut if cut > 0 else len(patch)
            piece, names = without_secrets(patch[begin:end], self._salt)
            cleaned.append(piece)
            touched += names
            begin = end
        self.facts["patch_applies"] = not touched
        if touched:
            text = f"secrets were taken out of the patch in {listed(touched)}; it does not apply verbatim"
            self.notes.append(note("redaction", text))
        return b"".join(cleaned)

    def _with_submodules(self, root: str, paths: Sequence[str], patch: Optional[bytes]) -> Optional[bytes]:
        """The patch with those of the submodules that changed. Each is read like a repository."""
        parts: list[dict[str, Any]] = []
        patches = [patch] if patch else []
        for path in paths:
            shown, folder = storable(path), os.path.join(root, path)
            if not os.path.lexists(os.path.join(folder, ".git")):
                self.note(f"submodule {shown} is not checked out: its content is unknown")
                continue
            facts, inner_patch, notes = source(
                folder,
                salt=self._salt,
                workspace=self._workspace,
                limits=self._limits,
                max_file=self._max_file,
                max_patch=self._max_patch,
                prefix=f"{self._prefix}{path}/",
            )
            present = {name: facts[name] for name in _OF_SUBMODULE if facts.get(name) is not None}
            parts.append({"path": shown, **present})
            parts += [{**inner, "path": f"{shown}/{inner['path']}"} for inner in facts.get("submodules", ())]
            patches += [inner_patch] if inner_patch else []
            self.notes += [note(inner["topic"], f"submodule {shown}: {inner['text']}") for inner in notes]
        self.facts["submodules"] = parts
        if len(patches) > bool(patch):
            self.facts["patch_applies"] = all(part.get("patch_applies", True) for part in [self.facts, *parts])
        return b"".join(patches) or None
