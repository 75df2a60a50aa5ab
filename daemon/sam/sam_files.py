"""The two files of SAM, as far as that can be said without reading them as models."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from daemon.runs.checksums import sha256_of
from daemon.runs.click_worker_messages import SamFiles

PACKAGE = "onnxruntime"


def sam_file_faults(files: SamFiles) -> list[str]:
    """What keeps the files from being used: not there, other bytes, no package that runs them."""
    faults = []
    if find_spec(PACKAGE) is None:
        faults.append(
            f"the engine sam needs the package {PACKAGE}, which is not installed; run "
            f"`pip install 'maskloop[export]'`"
        )
    for name, path, digest in (
        ("sam_encoder", files.encoder, files.encoder_sha256),
        ("sam_decoder", files.decoder, files.decoder_sha256),
    ):
        if fault := _fault(name, path, digest):
            faults.append(fault)
    return faults


def _fault(name: str, path: Path, expected: str) -> str | None:
    try:
        got = sha256_of(path)
    except OSError as exc:
        return (
            f"{name} {path}: cannot be read ({exc.strerror or exc}); expected an ONNX file; "
            f"correct the path"
        )
    if got == expected.lower():
        return None
    return (
        f"{name} {path}: got a file with the SHA-256 {got}, expected {expected}; restore the file, "
        f"or write its checksum as {name}_sha256 if you trust it"
    )
