"""The Label Studio of the demo: its version, where it is installed, its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from daemon.demo.credentials import Credentials
from daemon.demo.ports import LOOPBACK
from daemon.domain.errors import DemoFailed

VERSION = "1.23.2"

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
_SETTINGS = {
    "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
    "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
    # our webhook receiver is on loopback, and so is this server
    "LABEL_STUDIO_ML_BLOCK_LOCAL_IP": "false",
    "LABEL_STUDIO_SSRF_PROTECTION_ENABLED": "false",
    "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
    # a prediction with an unknown label is refused instead of shown without one
    "fflag_feat_utc_210_prediction_validation_15082025": "true",
    "PYTHONUNBUFFERED": "1",
}


def find_executable(environ: Mapping[str, str]) -> Path:
    """Path of label-studio: MASKLOOP_LABEL_STUDIO, else in the environment of `make setup`.

    Raises DemoFailed if it is not there.
    """
    default = Path(__file__).parents[2] / ".venv-label-studio" / "bin" / "label-studio"
    path = Path(environ.get("MASKLOOP_LABEL_STUDIO") or default)
    if not os.access(path, os.X_OK):
        raise DemoFailed(
            f"Label Studio is not installed: no executable at {path}; run `make setup`, or set"
            " MASKLOOP_LABEL_STUDIO to the label-studio of an environment of its own"
        )
    return path


def server_environment(
    credentials: Credentials, folder: Path, document_root: Path, lock_ttl_s: int
) -> dict[str, str]:
    """The environment of Label Studio. It holds the secrets, since `ps` shows command lines.

    lock_ttl_s: how long a task stays reserved. Few variables are inherited: others of the user's
    shell could change how Label Studio behaves.
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {
        **inherited,
        **_SETTINGS,
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "label-studio"),
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(document_root),
        "LABEL_STUDIO_TASK_LOCK_TTL": str(lock_ttl_s),
        "LABEL_STUDIO_HOST": f"http://{LOOPBACK}:{credentials.port}",
        "LABEL_STUDIO_PASSWORD": credentials.password,
        "LABEL_STUDIO_USER_TOKEN": credentials.token,
    }
