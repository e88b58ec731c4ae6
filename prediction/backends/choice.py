"""Which backend runs a model: the one that is named, or the fastest that this machine and the model's folder allow."""

from importlib.util import find_spec
from pathlib import Path

from prediction.backends.backend import Backend
from prediction.backends.onnx_file import ONNX_NAME
from prediction.model_folder import ModelError, ModelSettings

AUTO = "auto"
PACKAGES = {"openvino": ("openvino",), "onnx": ("onnxruntime",), "torch": ("torch", "safetensors")}
"""What each backend needs, fastest first."""
BACKENDS = (AUTO, *PACKAGES)
CPU = "cpu"

_GPU_DRIVERS = ("/dev/nvidiactl", "/dev/dxg")
"""Devices of NVIDIA's driver, and of WSL's: where there is neither, torch need not be asked, which takes seconds."""


def open_backend(folder: Path, settings: ModelSettings, *, name: str = AUTO, device: str | None = None) -> Backend:
    """Open the model in `folder`, whose config.json gave `settings`.

    `device` is torch's name of one, such as "cuda"; None takes a GPU if torch has one, or else the processor. Backends
    other than torch run on the processor.

    Raises:
        ModelError: a file is missing, damaged or another model's, or the backend or device is not there.
    """
    if name not in BACKENDS:
        raise ModelError(f"There is no backend {name!r}: give one of {', '.join(BACKENDS)}.")
    if name not in (AUTO, "torch") and device not in (None, CPU):
        raise ModelError(
            f"The backend {name} runs on the processor, not on {device!r}: take the backend torch for that."
        )
    chosen = _fastest(folder, device) if name == AUTO else name
    if missing := _missing(chosen):
        raise ModelError(
            f"The backend {chosen} needs {' and '.join(missing)}, not installed here:"
            f" `python -m pip install {' '.join(missing)}`, or take another backend."
        )
    if chosen == "torch":
        from prediction.backends.torch_backend import TorchBackend  # noqa: PLC0415  as all here: one is installed
        from prediction.torch_model import load_model  # noqa: PLC0415

        return TorchBackend(load_model(folder, settings), device if device is not None else _gpu() or CPU)
    path = folder / ONNX_NAME
    if not path.exists():
        raise ModelError(
            f"{folder} has no {ONNX_NAME}, which the backend {chosen} needs:"
            " `python -m prediction export` writes it, or take the backend torch."
        )
    if chosen == "openvino":
        from prediction.backends.openvino_backend import OpenVinoBackend  # noqa: PLC0415

        return OpenVinoBackend(path, settings)
    from prediction.backends.onnxruntime_backend import OnnxRuntimeBackend  # noqa: PLC0415

    return OnnxRuntimeBackend(path, settings)


def _fastest(folder: Path, device: str | None) -> str:
    on_gpu = device != CPU if device is not None else _gpu() is not None
    if on_gpu or not (folder / ONNX_NAME).exists():
        return "torch"
    return next((name for name in PACKAGES if not _missing(name)), "torch")


def _missing(name: str) -> list[str]:
    return [package for package in PACKAGES[name] if find_spec(package) is None]


def _gpu() -> str | None:
    """torch's name of a GPU that it can use here."""
    if not any(Path(driver).exists() for driver in _GPU_DRIVERS) or find_spec("torch") is None:
        return None
    from torch import cuda  # noqa: PLC0415  takes seconds

    return "cuda" if cuda.is_available() else None
