"""Name the missing module of a training that failed on an import: a distribution, a part of Python, or the project."""

from __future__ import annotations

import re
from pathlib import Path

_MISSING = re.compile(r"^(?:\w*Error: )?No module named '?(?P<module>[\w.]+)'?", re.MULTILINE)
_RAISED = re.compile(r"^ModuleNotFoundError: No module named '(?P<module>[\w.]+)'", re.MULTILINE)

_DISTRIBUTIONS = {  # modules whose distribution has another name
    "attr": "attrs",
    "Bio": "biopython",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "distutils": "setuptools",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.storage": "google-cloud-storage",
    "google.protobuf": "protobuf",
    "haiku": "dm-haiku",
    "imblearn": "imbalanced-learn",
    "IPython": "ipython",
    "jwt": "PyJWT",
    "Levenshtein": "python-Levenshtein",
    "lightning_fabric": "pytorch-lightning",
    "magic": "python-magic",
    "mpl_toolkits": "matplotlib",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pynvml": "nvidia-ml-py",
    "pywt": "PyWavelets",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "tree": "dm-tree",
    "umap": "umap-learn",
    "usb": "pyusb",
    "wx": "wxPython",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
_LEFT_OUT = ("pip", "setuptools", "wheel")  # by `pip freeze`
_GONE_FROM_PYTHON = {
    **dict.fromkeys(("asynchat", "asyncore", "imp", "smtpd"), "3.12"),
    **dict.fromkeys(("aifc", "audioop", "cgi", "cgitb", "crypt", "imghdr", "lib2to3", "pipes", "sndhdr"), "3.13"),
    **dict.fromkeys(("telnetlib", "uu", "xdrlib"), "3.13"),
}
_BUILT_WITH_PYTHON = (
    "_bz2",
    "_ctypes",
    "_curses",
    "_dbm",
    "_gdbm",
    "_hashlib",
    "_lzma",
    "_sqlite3",
    "_ssl",
    "_tkinter",
)


def missing_module(reason: str, log: str) -> str | None:
    """The module whose import ended a training; None if something else ended it.

    reason: why there is no value; "" if the exit code was judged. log: its output.
    """
    match = _MISSING.search(reason.rpartition("exit code 1: ")[2]) if reason else None
    if match is None and (not reason or "exit code" in reason):
        *_, match = (None, *_RAISED.finditer(log))
    return None if match is None else match["module"]


def hint_to_add(module: str, end: str, folder: Path) -> str:
    """A hint for a missing module. end: OLD or NEW. folder: where the training runs."""
    top = module.partition(".")[0]
    named = _DISTRIBUTIONS.get(module) or _DISTRIBUTIONS.get(top)
    if own := next((place for place in _places(folder, top) if place.exists()), None):
        return f"the module is in {own}: set PYTHONPATH={own.parent} in the command, or write `-e .` in both files"
    if top in _GONE_FROM_PYTHON:
        return f"Python has no {top} since {_GONE_FROM_PYTHON[top]}: --{end.lower()}-python names an older one"
    if top in _BUILT_WITH_PYTHON:
        return f"that Python was built without {top}: --{end.lower()}-python names another one"
    if "." in module and module not in _DISTRIBUTIONS:
        return f"the {named or top} that is installed has no {module}: pin a version that has it"
    distribution = named or top
    why = ", which `pip freeze` leaves out" if distribution in _LEFT_OUT else ""
    comes = f"it comes with {distribution}{why}" if named or why else f"it comes most likely with {distribution}"
    return f"{comes}: add the line {distribution}==VERSION to {end}, and to the other side if it lacks it too"


def _places(folder: Path, module: str) -> list[Path]:
    """Directories of a project that may contain a module."""
    names = (module, f"{module}.py")
    return [folder / inner / name for inner in ("src", "lib", "python", "code") for name in names]
