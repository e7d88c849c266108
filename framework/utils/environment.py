"""The versions, hardware and settings of a run: enough to explain why two runs differ."""

import os
import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from framework import __version__
from framework.utils.files import SOURCE, read_json

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "pillow", "matplotlib")
OPTIONAL_PACKAGES = ("keras-hub",)

# TensorFlow chooses kernels by these, which differ in rounding.
INSTRUCTIONS = frozenset(
    """
    sse4_1 sse4_2 avx avx2 f16c fma avx_vnni avx512f avx512bw avx512_vnni avx512_bf16
    avx512_fp16 amx_tile amx_int8 amx_bf16 asimd asimddp asimdhp bf16 i8mm sve sve2
    """.split()
)

# Those that multiply matrices of bfloat16, on x86 and ARM.
BFLOAT16_INSTRUCTIONS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})

THREADS_VARIABLE = "TF_NUM_INTRAOP_THREADS"

# Settings of TensorFlow, oneDNN, XLA, CUDA, NumPy and its BLAS that may change last bits, too.
# By name, since others, such as Terraform's TF_VAR_*, may hold secrets.
VARIABLES = """
    CUDA_VISIBLE_DEVICES DNNL_DEFAULT_FPMATH_MODE DNNL_MAX_CPU_ISA MKL_CBWR MKL_NUM_THREADS
    NPY_DISABLE_CPU_FEATURES NVIDIA_TF32_OVERRIDE OMP_NUM_THREADS ONEDNN_DEFAULT_FPMATH_MODE
    ONEDNN_MAX_CPU_ISA OPENBLAS_CORETYPE OPENBLAS_NUM_THREADS TF_CUDNN_USE_AUTOTUNE
    TF_ENABLE_ONEDNN_OPTS TF_NUM_INTEROP_THREADS TF_SET_ONEDNN_FPMATH_MODE TF_XLA_FLAGS XLA_FLAGS
    """.split()


def describe_environment() -> dict[str, Any]:
    """Return versions, platform, processors, threads and the source's commit, ready for JSON."""
    processor, instructions = read_processor()
    return {
        "framework": __version__,
        "commit": find_commit(),
        "python": platform.python_version(),
        "packages": {name: _find_version(name) for name in PACKAGES}
        | {name: found for name in OPTIONAL_PACKAGES if (found := _find_version(name))},
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processor": processor,
        "instructions": instructions,
        "processors": os.cpu_count(),
        "accelerators": _list_accelerators(),
        "threads": count_threads(),
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def count_threads() -> int:
    """Return the threads that share the work of one kernel of TensorFlow.

    Their number decides how sums are split, and so the last bits of results.
    """
    import tensorflow as tf  # Takes seconds, which `restore_threads` does not need.

    given = os.environ.get(THREADS_VARIABLE, "")
    return (
        tf.config.threading.get_intra_op_parallelism_threads()
        or (int(given) if given.isdecimal() else 0)
        or count_processors()
    )


def restore_threads(directory: Path) -> None:
    """Have TensorFlow, before it is imported, use as many threads as an interrupted run.

    Args:
        directory: The run directory; nothing is done if it has no `environment.json` yet.

    Raises:
        RunError: Its `environment.json` is damaged.
    """
    path = directory / "environment.json"
    if path.exists() and (threads := read_json(path).get("threads")):
        os.environ[THREADS_VARIABLE] = str(threads)


def count_processors() -> int:
    """Return the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Not on macOS and Windows.
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _list_accelerators() -> list[str]:
    import tensorflow as tf

    return [
        tf.config.experimental.get_device_details(device).get("device_name", device.name)
        for device in tf.config.list_physical_devices()
        if device.device_type != "CPU"
    ]


def has_bfloat16_instructions() -> bool:
    """Return whether the processor multiplies bfloat16, twice as fast as float32 or faster."""
    _, instructions = read_processor()
    return bool(BFLOAT16_INSTRUCTIONS.intersection(instructions.split()))


def read_processor() -> tuple[str, str]:
    """Return the processor's name, and which of `INSTRUCTIONS` it is known to have."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # Only Linux has it.
        text = ""
    facts: dict[str, str] = dict(
        re.findall(r"^(model name|flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    )
    found = facts.get("flags", facts.get("Features", "")).split()
    name = facts.get("model name") or platform.processor() or platform.machine()
    return name, " ".join(sorted(INSTRUCTIONS.intersection(found)))


def _find_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def find_commit() -> str | None:
    """Return the commit of the framework's source, `-dirty` where files differ from it.

    `None` where it was installed without its repository, or git is missing.
    """
    if not (SOURCE / ".git").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=SOURCE,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()
