"""The recorded differences between two runs, with evidence about their effect."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from contexta.analysis.changes.effective_settings import changed_settings, settings_of
from contexta.analysis.changes.pair import compare_code
from contexta.analysis.changes.side_by_side import differences_of_runs
from contexta.analysis.metrics.formatting import some
from contexta.analysis.metrics.repeats import arguments_of, is_seed, seed_of
from contexta.analysis.why.setting_effects import reason_without_effect
from contexta.contract.environment import EnvironmentSnapshot
from contexta.findings import Change, EnvironmentDiff, PackageChange
from contexta.findings.environments import Kind
from contexta.findings.explain import Difference
from contexta.findings.past_runs import CommitRange, RunRecord

# Libraries that compute results. Names are normalised by PEP 503.
_NUMERIC_TEXT = """
torch torchvision torchaudio torchtext pytorch-lightning lightning tensorflow tensorflow-cpu tensorflow-gpu tf-keras
keras jax jaxlib flax optax numpy scipy pandas polars pyarrow scikit-learn xgboost lightgbm catboost statsmodels
transformers tokenizers sentencepiece datasets accelerate peft trl diffusers timm bitsandbytes flash-attn xformers
deepspeed triton onnx onnxruntime onnxruntime-gpu numba cupy cupy-cuda11x cupy-cuda12x opencv-python opencv-python-
headless pillow albumentations imgaug librosa soundfile spacy gensim nltk fasttext mkl mkl-service intel-openmp tbb
faiss-cpu faiss-gpu sentence-transformers evaluate torchmetrics ray vllm gymnasium gym stable-baselines3 imbalanced-
learn umap-learn hdbscan prophet implicit surprise category-encoders feature-engine
"""
NUMERIC = frozenset(_NUMERIC_TEXT.split())
# Packages that act without an import: shared libraries, and plug-ins that another package loads.
_LOADED_WITHOUT_IMPORT = ("nvidia-", "mkl", "intel-openmp", "tbb", "jax-cuda", "intel-extension-", "rocm-", "amd-")
_PLUGIN_SUFFIXES = ("-plugin", "-metal", "-plugins")
_TOOLS_TEXT = """
pip setuptools wheel uv pytest hypothesis coverage ruff black flake8 isort mypy pylint pre-commit tox nox ipython
ipykernel jupyter jupyterlab notebook nbconvert sphinx mkdocs twine build virtualenv poetry debugpy rich click tqdm
colorama pygments
"""
_TOOLS = frozenset(_TOOLS_TEXT.split())


def differences(
    old: RunRecord, new: RunRecord, environment: EnvironmentDiff, commits: CommitRange
) -> tuple[Difference, ...]:
    """The differences that both sides recorded; packages first."""
    return (*_of_environments(old, new, environment), *_of_runs(old, new, commits))


def reason_for_effect_without_import(name: str) -> str | None:
    """Why a package may have an effect although no run imported it; None for most packages."""
    if name.startswith(_LOADED_WITHOUT_IMPORT):
        return "other packages load its libraries without an import"
    if name.endswith(_PLUGIN_SUFFIXES) or name.startswith("pytest-"):
        return "plug-ins are found by entry points, not by imports"
    if name == "setuptools":
        return "it acts at start-up through a .pth file"
    return None


def is_tool(name: str) -> bool:
    """Whether a package is a development or display tool that computes no results."""
    return name in _TOOLS


# ---------------------------------------------------------------------------------------------- environments


def _of_environments(old: RunRecord, new: RunRecord, diff: EnvironmentDiff) -> Iterator[Difference]:
    chains = requirement_chains(new.snapshot) if new.snapshot is not None else None
    before = requirement_chains(old.snapshot) if old.snapshot is not None else None
    defaults: dict[str, list[str]] = {}  # by package
    ineffective: dict[str, list[str]] = {}
    for setting in changed_settings(old.run, new.run):
        if setting.is_default and setting.package is not None:
            text = f"{setting.key} {setting.left_value} -> {setting.right_value}"
            reason = reason_without_effect(setting.key, settings_of(old.run), settings_of(new.run))
            if reason is None:
                defaults.setdefault(setting.package, []).append(text)
            else:
                ineffective.setdefault(setting.package, []).append(f"{text} ({reason})")
    for package in diff.package_changes:
        table = chains if package.right_value is not None else before
        chain = None if table is None else table.get(package.key, ())
        yield _of_package(package, chain).model_copy(
            update={
                "changed_defaults": tuple(defaults.get(package.key, ())),
                "defaults_without_effect": tuple(ineffective.get(package.key, ())),
            }
        )
    if diff.python_version_changed:
        yield Difference(
            kind="python",
            key="python",
            left_value=diff.left_python_version,
            right_value=diff.right_python_version,
        )
    groups: tuple[tuple[Kind, Sequence[Change]], ...] = (
        ("build", diff.build_changes),
        ("origin", diff.origin_changes),
        ("variable", [change for change in diff.variable_changes if not is_seed(change.key)]),
        ("native", diff.native_changes),
        ("interpreter", diff.interpreter_changes),
        ("machine", diff.machine_changes),
    )
    for kind, changes in groups:
        for change in changes:
            yield Difference(
                kind=kind,
                key=change.key,
                left_value=change.left_value,
                right_value=change.right_value,
                numeric=change.key in NUMERIC if kind in ("build", "origin") else None,
            )
    if diff.platform_changed and not diff.machine_changes:
        yield Difference(kind="machine", key="platform", left_value=diff.left_platform, right_value=diff.right_platform)


def _of_package(change: PackageChange, chain: tuple[str, ...] | None) -> Difference:
    return Difference(
        kind="package",
        key=change.key,
        left_value=change.left_value,
        right_value=change.right_value,
        imported=change.imported,
        reached=chain,
        requested=change.requested,
        jump=" ".join(filter(None, (change.size, change.direction))) or None,
        numeric=change.key in NUMERIC,
    )


def requirement_chains(snapshot: EnvironmentSnapshot) -> dict[str, tuple[str, ...]] | None:
    """Package -> the shortest chain of requirements from a package that the program itself imports; () without one.

    The program itself imports an imported package that no other imported package requires.
    None if imports or requirements were not recorded.
    """
    if snapshot.imports is None or not any(distribution.requires for distribution in snapshot.distributions):
        return None
    imported = set(snapshot.imports.get("distributions", {}))
    needs = {distribution.name: required_names(distribution.requires) for distribution in snapshot.distributions}
    required = {name for package in imported for name in needs.get(package, ())}
    chains: dict[str, tuple[str, ...]] = {name: (name,) for name in sorted(imported - required) if name in needs}
    queue = deque(chains)
    while queue:
        name = queue.popleft()
        for other in needs.get(name, ()):
            if other in needs and other not in chains:
                chains[other] = (*chains[name], other)
                queue.append(other)
    return {name: chains.get(name, ()) for name in needs}


def required_names(lines: Iterable[str]) -> list[str]:
    """The names that are required without extras. Other markers count as true."""
    return [name for line in lines if "extra" not in line.partition(";")[2] and (name := _required_name(line))]


@lru_cache(maxsize=4_096)  # environments repeat their lines, and 1 000 new ones take 16 ms
def _required_name(line: str) -> str | None:
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:  # old releases have lines that follow no standard
        return None


# ---------------------------------------------------------------------------------------------- runs


def _of_runs(old: RunRecord, new: RunRecord, commits: CommitRange) -> Iterator[Difference]:
    yield from _of_source(old, new, commits)
    for row in differences_of_runs((old, new)):
        is_listed = row.kind == "input" or (row.kind == "parameter" and not is_seed(row.key))
        if is_listed and all(row.recorded):
            yield Difference(kind=row.kind, key=row.key, left_value=row.values[0], right_value=row.values[1])
    left, right = arguments_of(old.run), arguments_of(new.run)
    if left and right and left != right:
        yield Difference(kind="command", key="command", left_value=" ".join(left), right_value=" ".join(right))
    seeds = seed_of(old.run), seed_of(new.run)
    if None not in seeds and seeds[0] != seeds[1]:
        yield Difference(kind="seed", key="seed", left_value=seeds[0], right_value=seeds[1])


def _of_source(old: RunRecord, new: RunRecord, commits: CommitRange) -> Iterator[Difference]:
    code = compare_code(old, new, commits)
    left, right = old.run.code, new.run.code
    if left is None or right is None or not code.differs:
        return
    files = [file.path for file in code.files]
    detail = f" ({some(files, 3)})" if files else f" ({commits.reason})" if commits.reason else ""
    count = f", {commits.ahead} commits later" if commits.ahead > 1 else ""
    yield Difference(
        kind="source", key="code", left_value=_commit(left), right_value=f"{_commit(right)}{count}{detail}"
    )


def _commit(code: tuple[str, str]) -> str:
    return code[0][:12] + (" with uncommitted changes" if code[1] else "")
