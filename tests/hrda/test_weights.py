"""Files of weights over HTTP from a real server: downloaded once, checked, bounded."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from daemon.domain.errors import ConfigError
from daemon.hrda.network.encoders import build_encoder, load_imagenet
from daemon.hrda.network.weights import download, weights_file
from tests.hrda.tiny import tiny

CONTENT = bytes(range(256)) * 40
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Files(BaseHTTPRequestHandler):
    """Serves CONTENT, in full, slowly, elsewhere or not at all."""

    asked: list[str]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        if path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        self.send_response(404 if path == "/none" else 200)
        self.end_headers()
        for start in range(0, len(CONTENT), 1024):
            self.wfile.write(CONTENT[start : start + 1024])
            time.sleep(0.05 if path == "/slow" else 0)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Files.asked = []
    http = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_address[1]}"
    http.shutdown()
    http.server_close()


def test_a_file_is_downloaded_once(server: str, tmp_path: Path) -> None:
    first = download(f"{server}/moved", DIGEST, tmp_path)
    second = download(f"{server}/moved", DIGEST.upper(), tmp_path)

    assert first == second
    assert first.read_bytes() == CONTENT
    assert Files.asked == ["/moved", "/file"]


def test_a_broken_file_in_the_cache_is_downloaded_again(server: str, tmp_path: Path) -> None:
    path = download(f"{server}/file", DIGEST, tmp_path)
    path.write_bytes(CONTENT[:100])

    assert download(f"{server}/file", DIGEST, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "digest", "limits", "words"),
    [
        ("/file", "0" * 64, {}, "another file or damaged"),
        ("/file", "", {}, "64 hexadecimal digits"),
        ("/none", DIGEST, {}, "got status 404"),
        ("/file", DIGEST, {"max_bytes": 5000}, "more than 5000 bytes"),
        ("/slow", DIGEST, {"max_s": 0.1}, "download it by hand"),
    ],
)
def test_what_is_not_the_file_is_refused_and_leaves_nothing(
    server: str, tmp_path: Path, path: str, digest: str, limits: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        download(f"{server}{path}?token=hush", digest, tmp_path, **limits)

    assert [file.name for file in tmp_path.iterdir() if file.name != "lock"] == []


def test_a_message_does_not_hold_the_query(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        download("http://user:word@127.0.0.1:9/file?token=hush", DIGEST, tmp_path)

    assert "hush" not in str(refused.value)
    assert "word" not in str(refused.value)
    assert "cannot be downloaded" in str(refused.value)


def test_a_checked_file_fills_the_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source, target = build_encoder(tiny()), build_encoder(tiny())
    names = source.names_in_file()  # type: ignore[operator]
    torch.save({names[key]: t for key, t in source.state_dict().items()}, tmp_path / "own.pth")
    digest = hashlib.sha256((tmp_path / "own.pth").read_bytes()).hexdigest()
    settings = {"encoder_weights": f"file://{tmp_path}/own.pth", "encoder_weights_sha256": digest}

    load_imagenet(target, tiny(**settings))

    assert torch.equal(source.state_dict()["stem.weight"], target.state_dict()["stem.weight"])
    assert (tmp_path / "cache" / "maskloop" / "weights" / f"{digest}.pth").exists()


def test_the_checksum_of_a_file_is_checked_where_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(CONTENT)

    assert weights_file("mit_b0", str(path), "") == path
    assert weights_file("mit_b0", str(path), DIGEST) == path
    with pytest.raises(ConfigError, match="expected 0000"):
        weights_file("mit_b0", str(path), "0" * 64)
