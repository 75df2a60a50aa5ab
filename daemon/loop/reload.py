"""config.toml while the daemon runs: a valid change is used from the next tick on.

A file that cannot be used never replaces the settings in force. A file that changes is read once it
has been still for SETTLE_S, since editors write in parts; after SIGHUP it is read at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from daemon.config.loading import Config, load_config
from daemon.config.restart_only import needs_restart, with_restart_only_of
from daemon.config.setting_keys import SettingChange, changes_between
from daemon.domain import Reason, Source
from daemon.domain.errors import ConfigError
from daemon.domain.formatting import count
from daemon.loop.components import require_strategies
from daemon.rules.incidents import MOST_CHARACTERS, Incidents
from daemon.stages import cycle_summary
from daemon.store import Store

SETTLE_S = 1.0
MOST_NAMED = 8  # changes in one line; further ones are counted
_Stamp = tuple[int, int, int, int]  # inode, size, time of change and of the inode's, in ns
_UNREAD: _Stamp = (-1, -1, -1, -1)

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Reload:
    """What became of a changed config.toml.

    fault: why it is not used; "" where it is in force now. changed: what is used now. waiting:
    what needs a restart, with the value that stays in force as `before`. mended: the last file
    that was read had a fault.
    """

    fault: str = ""
    changed: Sequence[SettingChange] = ()
    waiting: Sequence[SettingChange] = ()
    mended: bool = False

    def words(self) -> str:
        """The same in one sentence."""
        if self.fault:
            return (
                f"config.toml cannot be used, the daemon goes on with the settings that it has: "
                f"{self.fault[:MOST_CHARACTERS]}"
            )
        parts = []
        if self.changed:
            parts.append(_named(self.changed))
        if self.waiting:
            parts.append(
                f"needs a restart, until then the old value is used: {_named(self.waiting)}"
            )
        begin = "config.toml can be used again" if self.mended else "config.toml was read again"
        return f"{begin}: {'; '.join(parts) or 'no setting differs from those in use'}"


class SettingsInForce:
    """The settings that the daemon uses, and the file that may change them.

    config: the ones in force; other threads may read it at any time. steady_s: a monotonic clock in
    seconds. look_soon: asks for the next `look` within about a second.
    """

    def __init__(
        self,
        path: Path,
        config: Config,
        look_soon: Callable[[], None] = lambda: None,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self.fault = ""  # of the file as it is now
        self._path, self._look_soon, self._steady_s = path, look_soon, steady_s
        self._asked = False
        self._waiting: Sequence[SettingChange] = ()
        self._stamp: _Stamp | None = _UNREAD  # of the file when it was read
        self._unsettled: tuple[_Stamp | None, float] | None = None  # a newer one, first seen at s

    def ask(self) -> None:
        """Read the file at the next `look`, as it is then, and say what became of it."""
        self._asked = True
        self._look_soon()

    def look(self) -> Reload | None:
        """Use the file if it was changed; None where nothing has to be said. Costs one `stat`
        while nothing changes."""
        asked, self._asked = self._asked, False
        stamp = _stamp(self._path)
        if not asked and (stamp == self._stamp or not self._is_settled(stamp)):
            return None
        self._stamp, self._unsettled = stamp, None
        known_fault, known_waiting = self.fault, self._waiting
        found = self._read()
        is_new = found.fault != known_fault if found.fault else self._waiting != known_waiting
        return found if asked or is_new or found.changed or found.mended else None

    def _read(self) -> Reload:
        """Load the file; it is in force if it has no fault."""
        before, had_fault = self.config, bool(self.fault)
        try:
            new = load_config(self._path)
            require_strategies(new)
        except ConfigError as exc:
            self.fault = str(exc)
            return Reload(fault=self.fault)
        self.fault = ""
        self.config = with_restart_only_of(before, new)
        pending = changes_between(before, new)
        self._waiting = tuple(one for one in pending if needs_restart(one.key))
        changed = changes_between(before, self.config)
        return Reload(changed=changed, waiting=self._waiting, mended=had_fault)

    def _is_settled(self, stamp: _Stamp | None) -> bool:
        """Whether the file has been like this for SETTLE_S; if not, asks for another look."""
        now = self._steady_s()
        if self._unsettled is None or self._unsettled[0] != stamp:
            self._unsettled = (stamp, now)
        if now - self._unsettled[1] >= SETTLE_S:
            return True
        self._look_soon()
        return False


def report_reload(
    found: Reload, config: Config, store: Store, incidents: Incidents, now: datetime
) -> None:
    """Log it and keep it as an event; a file that cannot be used is an incident until it is mended.

    config: the settings in force now.
    """
    words, is_warning = found.words(), bool(found.fault or found.waiting)
    log.log(logging.WARNING if is_warning else logging.INFO, "%s", words)
    store.add_event("warning" if is_warning else "info", words, now)
    if found.fault:
        reason = Reason(source=Source.CONFIG, kind=ConfigError.__name__, words=words)
        incidents.record_failure(reason, now)
        store.keep_incidents(incidents.open)
        return
    cycle_summary.keep_settings(store, config)
    if (ended := incidents.end(Source.CONFIG, now)) is not None:
        store.keep_incidents([ended])


def _named(changes: Sequence[SettingChange]) -> str:
    words = [change.words() for change in changes[:MOST_NAMED]]
    more = len(changes) - MOST_NAMED
    return ", ".join([*words, *([f"and {count(more, 'further setting')}"] if more > 0 else [])])


def _stamp(path: Path) -> _Stamp | None:
    """What changes whenever a file is written or replaced; None where there is none."""
    with suppress(OSError):
        status = path.stat()
        return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return None
