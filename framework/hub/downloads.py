"""The download of presets, and why one could not be loaded, in one message."""

from collections.abc import Iterator
from pathlib import Path

from framework.errors import first_sentence
from framework.hub.presets import CONFIG_FILE, Preset, PresetError, PresetUnavailableError

WEIGHTS = ("*.weights.h5", "*.safetensors")

UNREACHABLE = (
    "ConnectionError", "ConnectTimeout", "ReadTimeout", "Timeout", "SSLError", "ProxyError",
    "ConnectError", "NetworkError", "OfflineModeIsEnabled", "LocalEntryNotFoundError",
    "ChunkedEncodingError",
)  # fmt: skip
"""Errors of the libraries that download, without their packages: these may not be installed."""

LOGIN = {
    "kaggle": "an API token in KAGGLE_API_TOKEN or ~/.kaggle/access_token",
    "hf": "a token in HF_TOKEN, or hf auth login",
}


def download(source: str, with_weights: bool) -> str:
    """Begin or finish the download of a preset.

    KerasHub hides why it could not read the first file, so that is done here.

    Args:
        source: A handle.
        with_weights: Whether its weights are needed.

    Returns:
        What KerasHub loads: of Kaggle the handle, whose other files it downloads itself; of Hugging
        Face a folder, as KerasHub would ask the server about each file every time.
    """
    scheme, _, path = source.partition("://")
    if scheme == "kaggle":
        import kagglehub

        kagglehub.model_download(path, CONFIG_FILE)
        return source
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    patterns = ["*.json", *(WEIGHTS if with_weights else ())]
    try:
        folder = snapshot_download(path, allow_patterns=patterns, local_files_only=True)
        if not with_weights or any(list(Path(folder).glob(pattern)) for pattern in WEIGHTS):
            return str(folder)
    except LocalEntryNotFoundError:
        pass  # Nothing of it is there yet.
    return str(snapshot_download(path, allow_patterns=patterns))


def explain_error(preset: Preset, error: Exception) -> PresetError:
    """Return what to tell of an error that loading a preset has raised.

    Args:
        preset: What was loaded.
        error: Of KerasHub, Keras, HDF5, Kaggle or Hugging Face.
    """
    name = f"hub:{preset.name}"
    if preset.is_folder:
        if isinstance(error, FileNotFoundError):
            return PresetError(
                f"{name}: the folder lacks files of the preset: {first_sentence(error)} It may be "
                "downloaded by halves: download it again."
            )
        return PresetError(
            f"{name} can't be loaded: {first_sentence(error)} Its files may be damaged or "
            "downloaded by halves."
        )
    causes = list(_list_causes(error))
    status = next(filter(None, map(_find_status, causes)), None)
    kinds = {type(cause).__name__ for cause in causes}
    if status in (401, 403) or kinds & {"GatedRepoError", "UnauthenticatedError"}:
        licence = f" ({preset.terms[0]})" if preset.family else ""
        scheme = preset.source.partition("://")[0]
        return PresetUnavailableError(
            f"{name} may not be downloaded: accept its terms{licence} on {preset.page}, and "
            f"log in: {LOGIN[scheme]}."
        )
    if status == 404 or "RepositoryNotFoundError" in kinds:
        return PresetUnavailableError(f"{name}: there is nothing at {preset.page}.")
    if status is not None or kinds.intersection(UNREACHABLE):
        reason = "there is no connection" if status is None else f"its server answered {status}"
        return PresetUnavailableError(
            f"{name} can't be downloaded from {preset.page}: {reason}. A copy of its folder can be "
            "used instead: hub: and the path."
        )
    return PresetError(
        f"{name} can't be loaded: {first_sentence(error)} A damaged copy in the cache of "
        "Kaggle or Hugging Face has to be removed."
    )


def _list_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _find_status(error: BaseException) -> int | None:
    """Return the HTTP status that an error tells of."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is None and "403 Client Error" in str(error):
        return 403
    return status
