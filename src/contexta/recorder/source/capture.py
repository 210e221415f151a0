"""The source a run ran from: the commit, and all that differs from it as one patch.

The user's repository and index are read, never written.
"""

from __future__ import annotations

import os
import re

from contexta.core import settings
from contexta.recorder.notes import note, reason, storable
from contexta.recorder.source.git import Limits
from contexta.recorder.source.repository import (
    NO_PATCH,
    NOT_IN_GIT,
    TOPIC,
    UNKNOWN,
    Refused,
    answer,
    is_a_git_directory,
    remote_of,
    repository_above,
    status_of,
)
from contexta.recorder.source.submodules import of_submodules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional, Sequence

    from contexta.recorder.notes import Note

MAX_FILE = 1024 * 1024
MAX_PATCH = 10 * 1024 * 1024
_SHOWN = 20
_PIECE = 128 * 1024  # bytes
_ROUNDS = 3  # times a patch is read when the program writes to its files meanwhile

# Patterns as texts: compiled when a file changed, as two milliseconds each are much for a run where none did
_FLAGS = re.VERBOSE | re.IGNORECASE | re.DOTALL
_SECRET_FILES = r"""(?:.*/)?(?:
        \.env(?:rc)?(?:\.(?!example\Z|sample\Z|template\Z|dist\Z)[^/]*)? | [^/]+\.env
      | [^/]*\.(?:pem|key|p12|pfx|pk8|crt|cer|der|csr|jks|keystore|kdbx?|ppk|asc|gpg|age|ovpn|tfvars|tfstate|htpasswd)
      | (?:id_(?:rsa|dsa|ecdsa|ed25519)|\.?netrc|_netrc|\.pypirc|\.npmrc|\.pgpass|\.my\.cnf|\.git-credentials)[^/]*
      | (?:credentials?|secrets?|tokens?|kaggle|service[-_]account[^/]*|client_secrets?[^/]*)(?:\.[^/]*)?
      | \.htpasswd | \.dockercfg | kubeconfig
    )\Z | (?:.*/)?\.(?:aws|ssh|gnupg|kube|docker|azure|config/gcloud|secrets?)/.*"""
_DATA_FILES = r""".*\.(?:csv|tsv|parquet|feather|arrow|orc|avro|npy|npz|h5|hdf5?|mat|pkl|pickle|joblib|pt|pth|ckpt
      |safetensors|onnx|pb|tflite|gguf|ggml|bin|dat|tfrecords?|lmdb|mdb|db|sqlite3?|duckdb|zip|gz|tgz|tar|bz2|xz|7z|zst|rar|whl|egg
      |jpe?g|png|gif|bmp|tiff?|webp|ico|mp[34]|avi|mov|mkv|wav|flac|ogg|pdf|so|dll|dylib|exe|o|a|pyc|log
      |jsonl|ndjson)\Z
      | (?:.*/)?(?:\.contexta|mlruns|wandb|lightning_logs|__pycache__
      |\.venv|venv|node_modules|\.ipynb_checkpoints)/.*"""


def source(
    directory: str,
    *,
    salt: bytes,
    workspace: str = "",
    limits: Optional[Limits] = None,
    max_file: int = MAX_FILE,
    max_patch: int = MAX_PATCH,
    below: str = "",
) -> tuple[dict[str, Any], Optional[bytes], list[Note]]:
    """The facts about the repository around ``directory``, the patch against its commit or None, and notes.

    facts: root, directory (relative to root, "." for the root itself), commit, branch, remote, dirty, and
    patch_applies: False when a secret was taken out of the patch. Without a commit it is None and ``reason`` says why:
    there is none (NOT_IN_GIT), or it is unknown (the reason begins with UNKNOWN). Without dirty that is unknown.
    The patch holds staged, unstaged and untracked changes alike, as ``git apply --binary`` takes them at the root, and
    those inside submodules. submodules: facts of each submodule whose commit or files differ from what is committed.
    below: what the paths in the patch begin with; where this is a submodule itself, its path in the one around it.
    workspace: where this run is recorded; what runs leave there is no part of the source.
    Left out, and noted by name: files that hold secrets or data by their name, those over max_file bytes, and those
    that the program has written since it began. Cost: about 50 ms and more for big repositories.
    """
    notes: list[Note] = []
    facts: dict[str, Any] = {}
    patch = None
    try:
        patch = _source(directory, salt, workspace, limits or Limits(), max_file, max_patch, facts, notes, below)
    except Exception as error:  # noqa: BLE001  # whatever a repository holds, the run goes on
        text = storable(str(getattr(error, "what", None) or reason(error)))
        what = "the source cannot be told" if facts.get("commit") else "the commit is unknown"
        notes.append(note(TOPIC, f"{what}: {text}"))
        if not facts.get("commit"):
            facts.update(commit=None, reason=f"{UNKNOWN}{text}"[:1_000])
    return {name: fact for name, fact in facts.items() if fact is not None or "reason" in facts}, patch, notes


def _source(
    directory: str,
    salt: bytes,
    workspace: str,
    limits: Limits,
    max_file: int,
    max_patch: int,
    facts: dict[str, Any],
    notes: list[Note],
    below: str,
) -> Optional[bytes]:
    """The patch, or None. facts: taken as far as they are known when something fails."""
    from contexta.core.process import ProcessError

    located = _located(directory, limits, facts)
    if located is None:
        return None
    root, stores, commit = located
    status = status_of(root, limits, notes)
    facts.update(commit=commit or None, branch=status.branch)
    facts.update(remote=remote_of(root, status.upstream, limits))
    if status.changed is None:
        return None
    untracked = _without_ours(status.untracked, root, workspace) if workspace else status.untracked
    if not commit:
        notes.append(note(TOPIC, "the repository has no commits yet: the patch holds everything"))
    elif commit != status.commit:
        notes.append(note(TOPIC, f"the program moved the repository to {status.commit} while the source was read"))

    def read(changed: list[str], untracked: list[str], notes: list[Note]) -> Optional[bytes]:
        if not changed and not untracked:
            return None
        kept, out = _chosen(root, [*changed, *untracked], max_file, max_patch, notes)
        out += [path for path in status.changed or () if path not in changed]
        new = [path for path in untracked if path in kept]
        try:
            return _patch(root, stores, commit or None, new, out, limits, max_patch, notes, below)
        except (ProcessError, Refused, OSError) as error:
            notes.append(note(TOPIC, f"{NO_PATCH}: {getattr(error, 'what', None) or reason(error)}"))
            return None

    patch = _as_it_began(root, status.changed, untracked, limits, read, facts, notes)
    if patch:
        patch, touched = _without_secrets(patch, salt, limits, notes)
    if patch:
        facts["patch_applies"] = not touched
        if touched:
            text = f"secrets were taken out of the patch in {_some(touched)}; it does not apply verbatim"
            notes.append(note("redaction", text))
    if status.submodules:

        def theirs(folder: str, path: str) -> tuple[dict[str, Any], Optional[bytes], list[Note]]:
            inner = below + path
            return source(
                folder,
                salt=salt,
                workspace=workspace,
                limits=limits,
                max_file=max_file,
                max_patch=max_patch,
                below=inner,
            )

        parts, inside, about = of_submodules(root, status.submodules, theirs, TOPIC)
        facts["submodules"] = parts
        notes += about
        if inside:
            patch = (patch or b"") + inside
            facts["patch_applies"] = all(each.get("patch_applies", True) for each in [facts, *parts])
    return patch or None


def _located(directory: str, limits: Limits, facts: dict[str, Any]) -> Optional[tuple[str, tuple[str, str], str]]:
    """(root, (git directory, objects), commit) of the repository around a directory; None where there surely is none.

    The commit is empty where there are none yet. Raises Refused, or ProcessError, where git does not tell.
    """
    repository = repository_above(directory)
    if repository is None and not is_a_git_directory(directory):
        facts.update(commit=None, reason=NOT_IN_GIT)
        return None
    try:
        where = ["--show-toplevel", "--show-prefix", "--absolute-git-dir", "--git-path", "objects"]
        said = answer(["rev-parse", *where, "--revs-only", "HEAD"], directory, limits)
    except Refused as error:
        if repository is None and "not a git repository" in str(error):
            facts.update(commit=None, reason=NOT_IN_GIT)
            return None
        raise Refused(f"git refuses {storable(repository or directory)}: {error}") from error
    root, prefix, git_dir, objects, commit = os.fsdecode(said.stdout).split("\n")[:5]
    facts.update(root=storable(root), directory=storable(prefix.rstrip("/") or "."))
    return root, (git_dir, os.path.join(os.path.abspath(directory), objects)), commit


def _without_secrets(patch: bytes, salt: bytes, limits: Limits, notes: list[Note]) -> tuple[Optional[bytes], list[str]]:
    """The patch without secrets, and the files that held any. A megabyte takes a second, so it is done in pieces: the
    end of the run does not wait for the rest."""
    from contexta.recorder.source.patches import without_secrets

    cleaned: list[bytes] = []
    touched: list[str] = []
    begin = 0
    while begin < len(patch):
        if limits.stop is not None and limits.stop.is_set():
            notes.append(
                note(TOPIC, f"{NO_PATCH}: the program ended while {len(patch)} bytes were searched for secrets")
            )
            return None, []
        cut = patch.find(b"\ndiff --git ", begin + _PIECE) + 1
        end = cut if cut > 0 else len(patch)
        piece, names = without_secrets(patch[begin:end], salt)
        cleaned.append(piece)
        touched += names
        begin = end
    return b"".join(cleaned), touched


def _as_it_began(
    root: str,
    changed: list[str],
    untracked: list[str],
    limits: Limits,
    read: Callable[[list[str], list[str], list[Note]], Optional[bytes]],
    facts: dict[str, Any],
    notes: list[Note],
) -> Optional[bytes]:
    """The patch without what the program has written since it began: read again while it writes more.

    A new file it wrote is no part of the source. How a file was that it wrote over is unknown, and so is whether there
    were changes at all where there are no others.
    """

    def too_new(paths: Sequence[str]) -> set[str]:
        return {path for path in paths if limits.is_too_new(os.path.join(root, path))}

    late = too_new([*changed, *untracked])
    patch: Optional[bytes] = None
    about: list[Note] = []
    for _ in range(_ROUNDS):
        about = []
        left = [path for path in changed if path not in late], [path for path in untracked if path not in late]
        patch = read(*left, about)
        meanwhile = too_new([*left[0], *left[1]])
        if not meanwhile:
            break
        late |= meanwhile
    else:
        patch, about = None, [note(TOPIC, f"{NO_PATCH}: the program kept writing to the files while they were read")]
    notes.extend(about)
    written, created = (sorted(late.intersection(paths)) for paths in (changed, untracked))
    if written:
        notes.append(note(TOPIC, f"{NO_PATCH} of files that the program wrote before they were read: {_some(written)}"))
    if created:
        notes.append(note(TOPIC, f"not in the patch, as they were written after the program began: {_some(created)}"))
    if any(left) or not written:
        facts["dirty"] = any(left)
    return patch


def _without_ours(untracked: list[str], root: str, workspace: str) -> list[str]:
    """The files without what runs leave in the workspace, which may be any directory of the repository."""
    names = (os.path.join(settings.JOURNALS, ""), os.path.join(settings.OBJECTS, ""), settings.DATABASE)
    ours = tuple(os.path.join(os.path.realpath(workspace), name) for name in names)
    top = os.path.realpath(root)
    return [path for path in untracked if not os.path.join(top, path).startswith(ours)]


def _chosen(
    root: str, paths: Sequence[str], max_file: int, max_patch: int, notes: list[Note]
) -> tuple[set[str], list[str]]:
    """Which changed files go into the patch, and which stay out; the latter are noted by name and reason."""
    kept: set[str] = set()
    out: dict[str, list[str]] = {}
    total = 0
    for path in paths:
        try:
            size = os.lstat(os.path.join(root, path)).st_size
        except OSError:
            size = 0  # deleted
        why = left_out(path, size, max_file)
        if why is not None:
            out.setdefault(why, []).append(path)
        elif total + _in_patch(size) > max_patch:
            out.setdefault(f"would make the patch exceed {max_patch} bytes", []).append(path)
        else:
            kept.add(path)
            total += _in_patch(size)
    for why, names in out.items():
        notes.append(note(TOPIC, f"not in the patch, as they {why}: {_some(names)}"))
    return kept, [path for names in out.values() for path in names]


def left_out(path: str, size: int, max_file: int = MAX_FILE) -> Optional[str]:
    """Why no patch holds a file, as in "they ..."; None where one may. path: with "/" between its parts."""
    if may_hold_secrets(path):
        return "may hold secrets"
    if re.match(_DATA_FILES, path, _FLAGS):
        return "hold data"
    if path.endswith("/"):
        return "are repositories of their own"
    return f"are over {max_file} bytes" if size > max_file else None


def may_hold_secrets(path: str) -> bool:
    """Whether a file is one of those that hold secrets, by its name alone. path: with "/" between its parts."""
    return re.match(_SECRET_FILES, path, _FLAGS) is not None


def _in_patch(size: int) -> int:
    """About how many bytes a file of ``size`` takes in a patch: its header, and what encoding or marks of lines add."""
    return size * 5 // 4 + 400


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return storable(", ".join(names[:_SHOWN])) + rest


# ---------------------------------------------------------------------------------------------- the patch


def _patch(
    root: str,
    stores: tuple[str, str],
    commit: Optional[str],
    new: Sequence[str],
    out: Sequence[str],
    limits: Limits,
    max_patch: int,
    notes: list[Note],
    below: str,
) -> Optional[bytes]:
    """The difference between the commit and the working tree, with ``new`` untracked files and without ``out``."""
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="contexta-")
    try:
        extra = _index_with(new, root, stores, folder, limits) if new else {}
        base = commit or _empty_tree(root, limits)
        ask = ["diff", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames"]
        ask += [f"--src-prefix=a/{below}", f"--dst-prefix=b/{below}", "--ignore-submodules=dirty", base, "--", ":/"]
        ask += [f":(top,exclude,literal){path}" for path in out if path not in new][:2_000]
        said = answer(ask, root, limits, extra=extra, max_output=max_patch)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if said.stdout_truncated:
        notes.append(note(TOPIC, f"{NO_PATCH}: the patch is over {max_patch} bytes"))
        return None
    return said.stdout


def _index_with(new: Sequence[str], root: str, stores: tuple[str, str], folder: str, limits: Limits) -> dict[str, str]:
    """Variables that lead git to a copy of the index that knows of ``new`` files, and all it writes to ``folder``."""
    import shutil

    git_dir, objects = stores
    extra = {
        "GIT_INDEX_FILE": os.path.join(folder, "index"),
        "GIT_OBJECT_DIRECTORY": os.path.join(folder, "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects,
    }
    os.mkdir(extra["GIT_OBJECT_DIRECTORY"])
    try:
        # With its time: by that git knows which files were written in the same moment, and looks into those.
        shutil.copy2(os.path.join(git_dir, "index"), extra["GIT_INDEX_FILE"])
    except FileNotFoundError:
        pass  # nothing was ever added
    listing = b"\0".join(os.fsencode(path) for path in new)
    add = ["--literal-pathspecs", "add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul"]
    answer(add, root, limits, extra=extra, input=listing)
    return extra


def _empty_tree(root: str, limits: Limits) -> str:
    said = answer(["hash-object", "-t", "tree", "--stdin"], root, limits, input=b"")
    return said.stdout.decode().strip()
