"""What is no checkpoint is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.domain.errors import RunFailed
from daemon.hrda.training.checkpoint import read_weights


@pytest.mark.parametrize("content", [b"# a text\n", b"", b"\x80\x04cos\nsystem\n.", b"PK\x03\x04"])
def test_a_file_that_is_no_checkpoint_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(content)

    with pytest.raises(RunFailed) as caught:
        read_weights(path)

    words = str(caught.value)
    assert words.startswith(f"{path}: cannot be read (")
    assert words.endswith("train again, or name another checkpoint")
    assert "weights_only" not in words  # torch advises to load it unsafely
    assert len(words) - len(str(path)) < 350
    assert "\n" not in words
