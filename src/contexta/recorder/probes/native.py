"""The numeric libraries that a process has loaded, and the settings of its frameworks. For the end of a run.

Nothing is imported, loaded or initialised: libraries are those already mapped, frameworks those already in
``sys.modules``, and CUDA is not started.
"""

from __future__ import annotations

import os
import re
import sys

from contexta.recorder.notes import note, reason, storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    from contexta.recorder.notes import Note

    Library = dict[str, Any]

TOPIC = "native"
_KNOWN = re.compile(
    r"(?:lib)?(?P<name>(?:scipy_)?openblas|mkl_rt|mkl_core|mkl_intel_thread|mkl_gnu_thread|mkl_tbb_thread|mkl_sequential"
    r"|blis|flexiblas|cblas|blas|lapack|tatlas|satlas|armpl|nvpl_blas|gomp|iomp5|omp|tbb"
    r"|cudart|cublasLt|cublas|cudnn|cufft|curand|cusolver|cusparse|nccl|cuda|amdhip64|rocblas|hipblas|MIOpen|rccl)"
    r"(?:64|p|o|[-_.]|$)[^/]*\Z"
)
_KINDS = {
    "openmp": frozenset(["gomp", "iomp5", "omp", "tbb"]),
    "cuda": frozenset("cudart cublasLt cublas cudnn cufft curand cusolver cusparse nccl cuda".split()),
    "rocm": frozenset("amdhip64 rocblas hipblas MIOpen rccl".split()),
}
_FILE_VERSION = re.compile(r"(?:-r|[-.]so\.|-)(\d+(?:\.\d+)*)")
_MKL_LAYERS = {
    "mkl_intel_thread": "intel",
    "mkl_gnu_thread": "gnu",
    "mkl_tbb_thread": "tbb",
    "mkl_sequential": "sequential",
}


def native() -> tuple[list[Library], list[Note]]:
    """Loaded numeric libraries and frameworks, sorted by name and file; and notes. About 2 ms, more with ctypes.

    A library has kind (blas, openmp, cuda, rocm), name, file, path, and if known version, threading, threads, config
    and architecture (of its kernels). A framework has kind "framework", name, version, and its settings.
    """
    notes: list[Note] = []
    libraries = _loaded(notes)
    for name, settings in _FRAMEWORKS:
        module = sys.modules.get(name)
        if module is None:
            continue
        library: Library = {"kind": "framework", "name": name, "version": getattr(module, "__version__", None)}
        for fact, read in settings(module):
            try:
                value = read()
            except Exception as error:  # noqa: BLE001  # other versions of a framework lack the setting, or refuse to tell it
                if not isinstance(error, (AttributeError, KeyError)):
                    notes.append(note(TOPIC, f"{name}: {fact} cannot be read: {reason(error)}"))
                continue
            if value is not None:
                library[fact] = _plain(value)
        libraries.append(library)
    libraries.sort(key=lambda library: (library["kind"], library["name"], library.get("file", "")))
    return libraries, notes


def _plain(value: Any) -> Any:
    """The value as JSON."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {storable(str(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return storable(str(value))


# ---------------------------------------------------------------------------------------------- libraries


def _loaded(notes: list[Note]) -> list[Library]:
    if not sys.platform.startswith("linux"):
        return _from_threadpoolctl([], notes) or _unlisted(notes)
    try:
        with open("/proc/self/maps", "rb") as file:
            paths = {line[at:].rstrip(b"\n") for line in file for at in [line.find(b"/")] if at > 0}
    except OSError as error:
        notes.append(note(TOPIC, f"the loaded libraries cannot be listed: {reason(error)}"))
        return []
    libraries = []
    for raw in sorted(paths):
        path = os.fsdecode(raw)
        match = _KNOWN.match(os.path.basename(path)) if ".so" in path else None
        if match is not None:
            libraries.append(_library(match.group("name"), path))
    layers = [_MKL_LAYERS[library["name"]] for library in libraries if library["name"] in _MKL_LAYERS]
    for library in libraries:
        try:
            library.update(_queried(library))
        except Exception as error:  # noqa: BLE001  # a library that lacks the function must not cost the others
            notes.append(note(TOPIC, f"{library['file']} cannot be queried: {reason(error)}"))
        if layers and library["name"] == "mkl_rt":
            library["threading"] = layers[0]
        for fact in ("file", "path"):
            library[fact] = storable(library[fact])
    return _from_threadpoolctl(libraries, notes)


def _unlisted(notes: list[Note]) -> list[Library]:
    notes.append(note(TOPIC, f"the loaded libraries cannot be listed on {sys.platform} without threadpoolctl"))
    return []


def _library(name: str, path: str) -> Library:
    kind = next((kind for kind, names in _KINDS.items() if name in names), "blas")
    library: Library = {"kind": kind, "name": name, "file": os.path.basename(path), "path": path}
    version = _FILE_VERSION.search(os.path.basename(os.path.realpath(path)))
    if version:
        library["version"] = version.group(1)
    return library


def _queried(library: Library) -> Library:
    """The facts that a loaded library returns when its functions are called; {} for unknown libraries."""
    queries: dict[str, Callable[[Any], Library]] = {
        "openblas": _openblas,
        "scipy_openblas": _openblas,
        "mkl_rt": _mkl,
        "blis": _blis,
        "cudnn": _cudnn,
        "nccl": lambda handle: _by_pointer(handle, "ncclGetVersion"),
        "cudart": lambda handle: _by_pointer(handle, "cudaRuntimeGetVersion"),
    }
    query = queries.get(library["name"])
    if query is None:
        return {}
    import ctypes

    # NOLOAD: a handle to the mapped library, never a second copy
    handle = ctypes.CDLL(library["path"], mode=getattr(os, "RTLD_NOLOAD", 0) | getattr(os, "RTLD_LAZY", 0))
    return query(handle)


def _function(handle: Any, *names: str) -> Any:
    return next((getattr(handle, name) for name in names if hasattr(handle, name)), None)


def _string(handle: Any, *names: str) -> Optional[str]:
    function = _function(handle, *names)
    if function is None:
        return None
    import ctypes

    function.restype = ctypes.c_char_p
    text: Optional[bytes] = function()
    return text.decode("utf-8", "backslashreplace").strip() if text else None


def _openblas(handle: Any) -> Library:
    def spelled(function: str) -> list[str]:  # numpy and scipy rename the symbols of their copies
        return [
            f"{before}openblas_{function}{after}" for before in ("", "scipy_") for after in ("", "64_", "_64", "_64_")
        ]

    facts: Library = {}
    config = _string(handle, *spelled("get_config"))
    if config:
        facts["config"] = config
        words = config.split()
        if words[:1] == ["OpenBLAS"] and len(words) > 1:
            facts["version"] = words[1]
    core = _string(handle, *spelled("get_corename"))
    if core:
        facts["architecture"] = core
    parallel = _function(handle, *spelled("get_parallel"))
    if parallel is not None:
        facts["threading"] = {0: "sequential", 1: "pthreads", 2: "openmp"}.get(parallel(), "unknown")
    threads = _function(handle, *spelled("get_num_threads"))
    if threads is not None:
        facts["threads"] = threads()
    return facts


def _mkl(handle: Any) -> Library:
    import ctypes

    facts: Library = {}
    buffer = ctypes.create_string_buffer(256)
    if hasattr(handle, "mkl_get_version_string"):
        handle.mkl_get_version_string(buffer, 255)
        facts["config"] = config = buffer.value.decode("utf-8", "backslashreplace").strip()
        version = re.search(r"Version (\S+)", config)
        if version:
            facts["version"] = version.group(1)
    if hasattr(handle, "MKL_Get_Max_Threads"):
        facts["threads"] = handle.MKL_Get_Max_Threads()
    return facts


def _blis(handle: Any) -> Library:
    version = _string(handle, "bli_info_get_version_str")
    return {"version": version} if version else {}


def _cudnn(handle: Any) -> Library:
    import ctypes

    handle.cudnnGetVersion.restype = ctypes.c_size_t
    return {"version": str(handle.cudnnGetVersion())}


def _by_pointer(handle: Any, name: str) -> Library:
    import ctypes

    number = ctypes.c_int()
    return {"version": str(number.value)} if getattr(handle, name)(ctypes.byref(number)) == 0 else {}


def _from_threadpoolctl(libraries: list[Library], notes: list[Note]) -> list[Library]:
    """The libraries with the facts of threadpoolctl, if the program has imported it."""
    module = sys.modules.get("threadpoolctl")
    if module is None:
        return libraries
    try:
        infos = module.threadpool_info()
    except Exception as error:  # noqa: BLE001  # foreign code
        notes.append(note(TOPIC, f"threadpoolctl failed: {reason(error)}"))
        return libraries
    by_path = {os.path.realpath(library["path"]): library for library in libraries}
    for info in infos:
        path = str(info.get("filepath", ""))
        library = by_path.get(os.path.realpath(path))
        if library is None:
            kind = "openmp" if info.get("user_api") == "openmp" else "blas"
            name = str(info.get("internal_api", "unknown"))
            library = {"kind": kind, "name": name, "file": storable(os.path.basename(path)), "path": storable(path)}
            libraries.append(library)
        for theirs, ours in (("version", "version"), ("threading_layer", "threading"), ("num_threads", "threads")):
            if info.get(theirs) is not None:
                library.setdefault(ours, _plain(info[theirs]))
    return libraries


# ---------------------------------------------------------------------------------------------- frameworks


def _torch(torch: Any) -> list[tuple[str, Callable[[], Any]]]:
    facts: list[tuple[str, Callable[[], Any]]] = [
        ("cuda", lambda: torch.version.cuda),
        ("hip", lambda: torch.version.hip),
        ("commit", lambda: torch.version.git_version),
        ("cudnn", lambda: torch.backends.cudnn.version() if torch.version.cuda else None),
        ("cudnn_deterministic", lambda: torch.backends.cudnn.deterministic),
        ("cudnn_benchmark", lambda: torch.backends.cudnn.benchmark),
        ("cudnn_tf32", lambda: torch.backends.cudnn.allow_tf32),
        ("matmul_precision", torch.get_float32_matmul_precision)
        if hasattr(torch, "get_float32_matmul_precision")
        else ("matmul_tf32", lambda: torch.backends.cuda.matmul.allow_tf32),
        ("deterministic", lambda: torch.are_deterministic_algorithms_enabled()),
        ("default_dtype", lambda: torch.get_default_dtype()),
        ("threads", lambda: torch.get_num_threads()),
        ("devices", lambda: _torch_devices(torch)),
    ]
    return facts


def _torch_devices(torch: Any) -> Optional[list[str]]:
    cuda = torch.cuda
    if not cuda.is_initialized():  # the functions below would start CUDA
        return None
    return [
        f"{cuda.get_device_name(index)} sm_{''.join(map(str, cuda.get_device_capability(index)))}"
        for index in range(cuda.device_count())
    ]


def _numpy(_: Any) -> list[tuple[str, Callable[[], Any]]]:
    config: Any = sys.modules.get("numpy.__config__")

    def blas() -> Any:
        if hasattr(config, "CONFIG"):  # from 1.25
            built = config.CONFIG["Build Dependencies"]["blas"]
            return {name: built[name] for name in ("name", "version", "openblas configuration") if built.get(name)}
        old: dict[str, Any] = config.get_info("blas_opt_info") if config is not None else {}
        return {"libraries": old["libraries"]} if old.get("libraries") else None

    def simd() -> Any:
        umath = sys.modules.get("numpy._core._multiarray_umath") or sys.modules["numpy.core._multiarray_umath"]
        used = umath.__cpu_features__
        return [name for name in (*umath.__cpu_baseline__, *umath.__cpu_dispatch__) if used.get(name)]

    return [("blas", blas), ("simd", simd)]


def _tensorflow(_: Any) -> list[tuple[str, Callable[[], Any]]]:
    def build() -> Any:
        info = sys.modules["tensorflow.python.platform.build_info"].build_info
        return {name: info[name] for name in ("cuda_version", "cudnn_version", "is_cuda_build") if name in info}

    def config(function: str) -> Callable[[], Any]:
        return lambda: getattr(sys.modules["tensorflow.python.framework.config"], function)()

    return [
        ("build", build),
        ("deterministic", config("is_op_determinism_enabled")),
        ("tf32", config("tensor_float_32_execution_enabled")),
    ]


def _jax(jax: Any) -> list[tuple[str, Callable[[], Any]]]:
    def setting(name: str) -> tuple[str, Callable[[], Any]]:
        return name[4:], lambda: getattr(jax.config, name)

    settings = ("jax_enable_x64", "jax_default_matmul_precision", "jax_default_prng_impl", "jax_threefry_partitionable")
    return [
        ("jaxlib", lambda: sys.modules["jaxlib.version"].__version__),
        ("backends", lambda: sorted(sys.modules["jax._src.xla_bridge"]._backends) or None),
        *map(setting, settings),
    ]


_FRAMEWORKS: list[tuple[str, Callable[[Any], list[tuple[str, Callable[[], Any]]]]]] = [
    ("torch", _torch),
    ("numpy", _numpy),
    ("tensorflow", _tensorflow),
    ("jax", _jax),
]
