"""The settings that a daemon reads at its start only; another value of them needs a restart.

The labeling tool, the thread that reads images, the launcher, the schedule and the page are opened
with them. The classes are among them because masks hold them by index.
"""

from __future__ import annotations

from daemon.config.loading import Config
from daemon.config.setting_keys import SettingKey

WHOLE_TABLES = ("project", "classes", "images", "connector", "folder", "web", "smart_tool")
SINGLE: tuple[SettingKey, ...] = (
    ("loop", "poll_s"),
    ("training", "processes"),
    ("label_studio", "url"),
    ("label_studio", "project"),
    ("label_studio", "token_env"),
    ("label_studio", "token_file"),
    ("label_studio", "document_root"),
    ("label_studio", "webhook"),
    ("label_studio", "webhook_secret_env"),
    ("label_studio", "connect_timeout_s"),
    ("label_studio", "read_timeout_s"),
)


def needs_restart(key: SettingKey) -> bool:
    """Whether a running daemon keeps the value that this setting had at its start."""
    return key[0] in WHOLE_TABLES or key[:2] in SINGLE


def with_restart_only_of(running: Config, new: Config) -> Config:
    """The new settings, with the running ones in the place of those that need a restart."""
    tables = {name: getattr(running, name) for name in (*WHOLE_TABLES, "home")}
    for table in {key[0] for key in SINGLE}:
        names = [name for place, name in SINGLE if place == table]
        kept = {name: getattr(getattr(running, table), name) for name in names}
        tables[table] = getattr(new, table).model_copy(update=kept)
    return new.model_copy(update=tables)
