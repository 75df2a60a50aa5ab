"""SAM as [smart_tool] names it: its files, what is wrong with them, what its worker shall serve."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from daemon.config.loading import Config
from daemon.runs.click_worker_messages import ClicksRequest, SamFiles
from daemon.runs.run_folder import RunFolder
from daemon.sam.sam_files import sam_file_faults

THREADS = 2  # the encoder takes a second or more on one; a training may run beside it
REFUSED = "request"  # kind of the error of files that a worker cannot use


def named_sam(config: Config) -> SamFiles | None:
    """The files that [smart_tool] names; None without."""
    settings = config.smart_tool
    if not settings.sam_encoder:
        return None
    return SamFiles(
        encoder=(config.home / settings.sam_encoder).absolute(),
        decoder=(config.home / settings.sam_decoder).absolute(),
        encoder_sha256=settings.sam_encoder_sha256,
        decoder_sha256=settings.sam_decoder_sha256,
    )


def sam_faults(config: Config) -> Sequence[str]:
    """What keeps the engine sam off: missing files, other checksums, no onnxruntime."""
    files = named_sam(config)
    return [] if files is None else [f"[smart_tool] {fault}" for fault in sam_file_faults(files)]


def wanted_sam(
    config: Config, files: SamFiles, folder: RunFolder
) -> Callable[[], ClicksRequest | None]:
    """What the worker shall serve, until it has said that the files are none that it knows."""
    request = ClicksRequest(sam=files, classes=config.classes.names, device="cpu", threads=THREADS)
    folder.error_file.unlink(missing_ok=True)  # of an earlier daemon

    def wanted() -> ClicksRequest | None:
        failure = folder.read_error()
        return None if failure is not None and failure.kind == REFUSED else request

    return wanted
