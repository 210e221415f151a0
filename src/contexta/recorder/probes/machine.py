"""The machine that a run ran on: facts that are the same for all runs, so no load, free memory or clock rates."""

from __future__ import annotations

import math
import os
import sys

from contexta.recorder.notes import note, reason, storable
from contexta.recorder.redaction.redact import clean_url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Optional

    from contexta.recorder.notes import Note

TOPIC = "machine"
# Instruction sets for which numeric libraries have their own kernels
_RELEVANT = (
    "sse4_1 sse4_2 ssse3 avx avx2 fma f16c avx512f avx512bw avx512cd avx512dq avx512vl avx512_vnni avx512_bf16 "
    "avx512_fp16 avx512vbmi avx512_vbmi2 avx_vnni avx10 amx_tile amx_int8 amx_bf16 amx_fp16 "
    "asimd neon sve sve2 asimdhp asimddp bf16 i8mm sme vsx altivec rvv v"
).split()
_NO_LIMIT = 1 << 60  # cgroup v1 writes "no limit" as a number of about 2**63


def machine(*, salt: bytes, with_host_name: bool = False) -> tuple[dict[str, Any], list[Note]]:
    """Facts about this machine by name, without unknown ones; and notes. About 2 ms.

    Memory is in bytes. cores: the number that this process may use (affinity). core_limit: the CPU quota of its cgroup,
    in cores. host: a salted digest of the host name, or with_host_name the name itself. See ``gpus`` for GPUs.
    """
    notes: list[Note] = []
    facts: dict[str, Any] = {"system": sys.platform, "platform": platform_name()}
    for probe in (_system, _cpu, _cores, _memory, _container):
        try:
            facts.update(probe())
        except Exception as error:  # noqa: BLE001  # one odd system file must not cost the other facts
            notes.append(note(TOPIC, f"{probe.__name__.strip('_')} cannot be read: {reason(error)}"))
    facts["host"] = _host(salt, with_host_name)
    return {name: storable(fact) if isinstance(fact, str) else fact for name, fact in facts.items() if fact}, notes


def platform_name() -> str:
    """The platform in short: ``linux-x86_64-glibc2.36``, ``linux-aarch64-musl``, ``darwin-arm64``, ``win32-amd64``."""
    libc = _libc()
    return "-".join(part for part in (sys.platform, _architecture(), libc.replace(" ", "")) if part)


def _architecture() -> str:
    if hasattr(os, "uname"):
        return os.uname().machine
    return os.environ.get("PROCESSOR_ARCHITEW6432", os.environ.get("PROCESSOR_ARCHITECTURE", "")).lower()


def _libc() -> str:
    """``glibc 2.36``, ``musl``, or "" on other systems."""
    if not sys.platform.startswith("linux"):
        return ""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError, AttributeError):
        return "musl" if any(name.startswith("ld-musl-") for name in _listed("/lib")) else ""


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _text(path: str) -> Optional[str]:
    """The content of a small system file; None if there is none."""
    try:
        with open(path, "rb", 0) as file:
            return file.read(1 << 20).decode("utf-8", "backslashreplace")
    except OSError:
        return None


# ---------------------------------------------------------------------------------------------- system, CPU


def _system() -> dict[str, Any]:
    facts: dict[str, Any] = {"architecture": _architecture(), "libc": _libc()}
    if hasattr(os, "uname"):
        facts["kernel"] = " ".join((os.uname().sysname, os.uname().release))
    if sys.platform.startswith("linux"):
        facts["release"] = _os_release()
    elif sys.platform == "darwin":
        import platform

        facts["release"] = f"macOS {platform.mac_ver()[0]}"
    elif sys.platform == "win32":
        version = sys.getwindowsversion()
        facts["release"] = f"Windows {version.major}.{version.minor}.{version.build}"
    return facts


def _os_release() -> Optional[str]:
    """PRETTY_NAME of os-release(5)."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        for line in (_text(path) or "").splitlines():
            if line.startswith("PRETTY_NAME="):
                return line.partition("=")[2].strip().strip("\"'")
    return None


def _cpu() -> dict[str, Any]:
    """Model and instruction sets of the first core. Others may differ (big.LITTLE)."""
    if sys.platform == "darwin":
        return _cpu_darwin()
    if sys.platform == "win32":
        return {"cpu": os.environ.get("PROCESSOR_IDENTIFIER")}
    first = (_text("/proc/cpuinfo") or "").partition("\n\n")[0]
    fields: dict[str, str] = {}
    for line in first.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip().lower(), value.strip())
    names = [fields.get(key) for key in ("model name", "cpu model", "cpu", "hardware")]
    arm = [fields[key] for key in ("cpu implementer", "cpu part") if key in fields]
    present = frozenset((fields.get("flags") or fields.get("features") or "").lower().split())
    return {
        "cpu": next((name for name in names if name), f"ARM {'/'.join(arm)}" if arm else None),
        "instruction_sets": [name for name in _RELEVANT if name in present],
    }


def _cpu_darwin() -> dict[str, Any]:
    from contexta.core.processes.process import run

    names = ("machdep.cpu.brand_string", "machdep.cpu.features", "machdep.cpu.leaf7_features")
    listing = run(["/usr/sbin/sysctl", "-i", *names], timeout=2).stdout.decode("utf-8", "backslashreplace")
    fields = dict(line.partition(": ")[::2] for line in listing.splitlines())
    words = " ".join((fields.get(names[1], ""), fields.get(names[2], ""))).lower().replace(".", "_")
    present = frozenset(words.replace("avx1_0", "avx").split()) | ({"neon"} if _architecture() == "arm64" else set())
    return {"cpu": fields.get(names[0]), "instruction_sets": [name for name in _RELEVANT if name in present]}


# ---------------------------------------------------------------------------------------------- limits


def _cores() -> dict[str, Any]:
    count = getattr(os, "sched_getaffinity", None)
    return {
        "cores": len(count(0)) if count else os.cpu_count(),
        "machine_cores": os.cpu_count(),
        "core_limit": _core_limit(),
    }


def _core_limit() -> Optional[float]:
    """The smallest CPU quota of this process's cgroup and those above it, in cores; None without a quota."""
    limits = []
    for folder in _cgroups("cpu"):
        quota, _, period = (_text(f"{folder}/cpu.max") or "").strip().partition(" ")
        if not quota:
            quota = (_text(f"{folder}/cpu.cfs_quota_us") or "").strip()
            period = (_text(f"{folder}/cpu.cfs_period_us") or "").strip()
        if quota.isdigit() and period.isdigit() and int(period):
            limits.append(round(int(quota) / int(period), 3))
    return min(limits) if limits else None


def _memory() -> dict[str, Any]:
    facts: dict[str, Any] = {"memory_limit": _memory_limit()}
    try:
        facts["memory"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        if sys.platform == "win32":
            facts["memory"] = _memory_windows()
    return facts


def usable_memory() -> Optional[int]:
    """The memory in bytes of the machine, or of the cgroup of this process if that is less."""
    return min((size for size in _memory().values() if size), default=None)


def usable_cores() -> float:
    """The cores that this process may use, or the CPU quota of its cgroup if that is less."""
    cores = _cores()
    return float(min(cores["core_limit"] or math.inf, cores["cores"] or 1))


def _memory_limit() -> Optional[int]:
    limits = []
    for folder in _cgroups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = (_text(f"{folder}/{name}") or "").strip()
            if limit.isdigit() and int(limit) < _NO_LIMIT:
                limits.append(int(limit))
    return min(limits) if limits else None


def _memory_windows() -> Optional[int]:
    import ctypes

    kilobytes = ctypes.c_ulonglong()
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  # the attribute exists on Windows only
    return kilobytes.value * 1024 if kernel.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes)) else None


def _cgroups(controller: str) -> Iterator[str]:
    """The directories of this process's control groups for a controller, innermost first (cgroups(7), v1 and v2)."""
    for line in (_text("/proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        elif controller in controllers.split(","):
            roots = [f"/sys/fs/cgroup/{controllers}", f"/sys/fs/cgroup/{controller}"]
        else:
            continue
        for root in roots:
            inner = path.rstrip("/")
            while inner and ".." not in inner:
                yield root + inner
                inner = inner.rpartition("/")[0]
            yield root  # in a container, the path is often that of the host, and the group is mounted here


# ---------------------------------------------------------------------------------------------- container, host


def _container() -> dict[str, Any]:
    """The kind of container, and its image if files or variables in the container name it."""
    kind = None
    if os.path.exists("/.dockerenv"):
        kind = "docker"
    elif os.path.exists("/run/.containerenv"):
        kind = "podman"
    elif os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER"):
        kind = "apptainer"
    elif os.environ.get("KUBERNETES_SERVICE_HOST"):
        kind = "kubernetes"
    elif any(word in (_text("/proc/1/cgroup") or "") for word in ("/docker", "/kubepods", "/lxc", "containerd")):
        kind = "container"
    return {"container": kind, "container_image": _image() if kind else None}


def _image() -> Optional[str]:
    for line in (_text("/run/.containerenv") or "").splitlines():
        if line.startswith("image="):
            return clean_url(line[6:].strip('"'))
    for name in ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "CONTAINER_IMAGE", "DOCKER_IMAGE", "IMAGE_NAME"):
        if os.environ.get(name):
            return clean_url(os.environ[name])
    return None


def _host(salt: bytes, with_host_name: bool) -> str:
    if hasattr(os, "uname"):
        name = os.uname().nodename
    else:
        name = os.environ.get("COMPUTERNAME", "")
    if with_host_name:
        return name
    from hashlib import sha256

    return "sha256:" + sha256(salt + b"\0host\0" + name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
