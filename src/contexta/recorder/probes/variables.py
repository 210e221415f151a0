"""Environment variables that change what a run does.

Variables that differ between two runs in one environment (job ids, ranks, ports, hosts, sockets) are left out. The
environment is stored under its digest, and a thousand runs in one environment share it.
"""

from __future__ import annotations

from contexta.recorder.notes import note, storable
from contexta.recorder.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Mapping

    from contexta.recorder.notes import Note

NAMES = frozenset(
    """
    TZ LANG LANGUAGE TMPDIR SOURCE_DATE_EPOCH VIRTUAL_ENV VIRTUAL_ENV_PROMPT CONDA_PREFIX CONDA_DEFAULT_ENV
    LD_LIBRARY_PATH LD_PRELOAD LD_BIND_NOW LIBRARY_PATH DYLD_LIBRARY_PATH DYLD_FALLBACK_LIBRARY_PATH
    DYLD_INSERT_LIBRARIES CPATH GLIBC_TUNABLES MALLOC_ARENA_MAX
    WORLD_SIZE LOCAL_WORLD_SIZE NNODES NPROC_PER_NODE OMPI_COMM_WORLD_SIZE PMI_SIZE
    SLURM_NTASKS SLURM_NPROCS SLURM_NNODES SLURM_NTASKS_PER_NODE SLURM_CPUS_PER_TASK SLURM_CPUS_ON_NODE
    SLURM_MEM_PER_NODE SLURM_MEM_PER_CPU SLURM_MEM_PER_GPU SLURM_GPUS SLURM_GPUS_ON_NODE SLURM_GPUS_PER_NODE
    SLURM_GPUS_PER_TASK SLURM_JOB_PARTITION SLURM_JOB_QOS SLURM_CPU_BIND_TYPE SLURM_DISTRIBUTION SLURM_CLUSTER_NAME
    NCPUS PBS_NUM_NODES PBS_NUM_PPN PBS_QUEUE LSB_DJOB_NUMPROC LSB_QUEUE NSLOTS QUEUE
    GPU_DEVICE_ORDINAL NVIDIA_TF32_OVERRIDE DATA_PARALLEL_SIZE UV_PROJECT_ENVIRONMENT
    PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_CONSTRAINT PIP_NO_INDEX
    """.split()  # a column of a hundred quoted names reads worse
)
PREFIXES = tuple(
    """
    PYTHON LC_ OMP_ KMP_ GOMP_ MKL_ OPENBLAS_ GOTO_ BLIS_ VECLIB_ NUMEXPR_ NUMBA_ NPY_ NUMPY_ SCIPY_ SKLEARN_ JOBLIB_
    LOKY_ CUDA_ CUBLAS_ CUDNN_ CUTENSOR_ NVIDIA_VISIBLE_ NVIDIA_DRIVER_ NVTE_ NCCL_ RCCL_ GLOO_ UCX_ FI_ HIP_ HSA_ ROCR_
    ROCM_ MIOPEN_ AMD_ TORCH_ PYTORCH_ TORCHINDUCTOR_ TORCHDYNAMO_ ATEN_ AOT_ INDUCTOR_ TRITON_ XFORMERS_
    FLASH_ATTENTION_ BNB_ BITSANDBYTES_ DS_ DEEPSPEED_ ACCELERATE_ FSDP_ PL_ LIGHTNING_ TF_ TF2_ TENSORFLOW_ KERAS_ JAX_
    XLA_ LIBTPU_ TPU_
    HF_ HUGGINGFACE_ TRANSFORMERS_ DATASETS_ DIFFUSERS_ TOKENIZERS_ SENTENCE_TRANSFORMERS_ SAFETENSORS_ VLLM_ RAY_
    XGBOOST_ LIGHTGBM_ CATBOOST_ CUDF_ RAPIDS_ CUPY_ POLARS_ PANDAS_ ARROW_ DASK_ DNNL_ ONEDNN_ IPEX_ ONNXRUNTIME_ ORT_
    OPENCV_ CV_ MLX_ UV_INDEX UV_DEFAULT_INDEX UV_EXTRA_INDEX UV_FIND_LINKS
    """.split()
)
VOLATILE = frozenset(
    """
    PYTHONSTARTUP PYTHON_BASIC_REPL TF_CONFIG NCCL_COMM_ID NCCL_ASYNC_ERROR_HANDLING_ID TORCH_NCCL_STORE_KEY
    CUDA_MPS_PIPE_DIRECTORY CUDA_MPS_LOG_DIRECTORY TPU_WORKER_ID TPU_WORKER_HOSTNAMES TPU_PROCESS_ADDRESSES
    TPU_PROCESS_PORT RAY_JOB_ID RAY_ADDRESS RAY_RAYLET_PID RAY_CLIENT_MODE DS_HOSTFILE ACCELERATE_PROCESS_INDEX
    JAX_COORDINATOR_ADDRESS JAX_PROCESS_ID LOKY_WORKER_ID LIGHTNING_CLOUD_PROJECT_ID LIGHTNING_CLOUD_APP_ID
    """.split()
)
# TF_ belongs to TensorFlow. The variables of Terraform contain credentials and change no training.
_OTHERS = ("TORCHELASTIC_", "TF_VAR_", "TF_TOKEN_", "TF_HTTP_", "TF_CLI_", "TF_WORKSPACE", "TF_DATA_DIR", "TF_CLOUD_")
# Of LC_ only the categories of locales: ssh clients send others
_LOCALE = frozenset(
    f"LC_{name}" for name in ("ALL", "CTYPE", "NUMERIC", "TIME", "COLLATE", "MONETARY", "MESSAGES", "PAPER")
)


def recorded(
    environ: Mapping[str, str], *, salt: bytes, extra: Iterable[str] = ()
) -> tuple[dict[str, str], list[Note]]:
    """The recorded variables in the order of their names, without secrets; and notes.

    extra: more names, or prefixes that end in ``*``, also of volatile variables.
    """
    names = set(extra)
    prefixes = tuple(name[:-1] for name in names if name.endswith("*"))
    variables: dict[str, str] = {}
    hidden: list[str] = []
    escaped: list[str] = []
    for name in sorted(environ):
        if not (is_recorded(name) or name in names or (prefixes and name.startswith(prefixes))):
            continue
        value = environ[name]
        readable = storable(value)
        if readable != value:
            escaped.append(name)
        # In the name of a variable, TOKEN means a secret at every position
        is_token = "TOKEN" in name.upper().split("_") and not redact.is_secret_name(name)
        written = redact.value("access_token" if is_token else name, value, salt)
        variables[redact.inside(name, salt)] = written
        if written != readable:
            hidden.append(name)
    notes = []
    if hidden:
        notes.append(note("redaction", f"variables: the secret in {', '.join(hidden)} is not stored"))
    if escaped:
        notes.append(note("variables", f"{', '.join(escaped)}: bytes that are no text are written as escapes"))
    return variables, notes


def is_recorded(name: str) -> bool:
    """Whether a variable changes what runs do and is the same for all runs in one environment."""
    if name in NAMES:
        return True
    if name in VOLATILE or not name.startswith(PREFIXES):
        return False
    return name in _LOCALE if name.startswith("LC_") else not name.startswith(_OTHERS)
