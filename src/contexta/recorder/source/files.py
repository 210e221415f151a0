"""Choose the changed files that a patch may contain, by their names and sizes."""

from __future__ import annotations

import os
import re

from contexta.core import settings
from contexta.recorder.notes import note, storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Sequence

    from contexta.recorder.notes import Note

TOPIC = "source"
MAX_FILE = 1024 * 1024
MAX_PATCH = 10 * 1024 * 1024
_MOST_NAMED = 20

# Patterns as texts: compiling takes two milliseconds each, which a run without changed files need not spend
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


def left_out(path: str, size: int, max_file: int = MAX_FILE) -> Optional[str]:
    """Why no patch contains a file, as in "they ..."; None if one may. path: with "/" between its parts."""
    if may_hold_secrets(path):
        return "may hold secrets"
    if re.match(_DATA_FILES, path, _FLAGS):
        return "hold data"
    if path.endswith("/"):
        return "are repositories of their own"
    return f"are over {max_file} bytes" if size > max_file else None


def may_hold_secrets(path: str) -> bool:
    """Whether files of this name hold secrets. path: with "/" between its parts."""
    return re.match(_SECRET_FILES, path, _FLAGS) is not None


def choose(root: str, paths: Sequence[str], max_file: int, max_patch: int) -> tuple[set[str], list[str], list[Note]]:
    """(the files for the patch, those to leave out, notes that name the latter with the reason)"""
    chosen: set[str] = set()
    by_reason: dict[str, list[str]] = {}
    total = 0
    for path in paths:
        try:
            size = os.lstat(os.path.join(root, path)).st_size
        except OSError:
            size = 0  # deleted
        reason = left_out(path, size, max_file)
        in_patch = size * 5 // 4 + 400  # about: its header, and what encoding or the marks of lines add
        if reason is None and total + in_patch > max_patch:
            reason = f"would make the patch exceed {max_patch} bytes"
        if reason is not None:
            by_reason.setdefault(reason, []).append(path)
        else:
            chosen.add(path)
            total += in_patch
    notes = [note(TOPIC, f"not in the patch, as they {why}: {listed(names)}") for why, names in by_reason.items()]
    return chosen, [path for names in by_reason.values() for path in names], notes


def without_workspace(paths: Sequence[str], root: str, workspace: str) -> list[str]:
    """The files without those of the workspace, which may be any directory of the repository."""
    names = (os.path.join(settings.JOURNALS, ""), os.path.join(settings.OBJECTS, ""), settings.DATABASE)
    recorded = tuple(os.path.join(os.path.realpath(workspace), name) for name in names)
    top = os.path.realpath(root)
    return [path for path in paths if not os.path.join(top, path).startswith(recorded)]


def listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return storable(", ".join(names[:_MOST_NAMED])) + rest
