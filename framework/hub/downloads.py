"""Why a preset could not be loaded, in one message."""

from collections.abc import Iterator

from framework.errors import first_sentence
from framework.hub.presets import Preset, PresetError, PresetUnavailableError

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
        licence, _ = preset.terms
        scheme = preset.source.partition("://")[0]
        return PresetUnavailableError(
            f"{name} may not be downloaded: accept its terms ({licence}) on {preset.page}, and "
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
