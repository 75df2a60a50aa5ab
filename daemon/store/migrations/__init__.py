"""The schema, one step a function, in the order in which the files below are imported.

A released step is never edited or renamed: add another, in the newest file.
"""

from __future__ import annotations

from daemon.store.migrations import released, typed_facts  # isort: skip
from daemon.store.migrations import commands_table  # isort: skip
from daemon.store.migrations import verdicts  # isort: skip
from daemon.store.migrations import people_tables  # isort: skip
from daemon.store.migrations import findings_table  # isort: skip
from daemon.store.migrations import reviews_table  # isort: skip
from daemon.store.migrations import second_labels_table  # isort: skip
from daemon.store.migrations import changed_labels  # isort: skip
from daemon.store.migrations import overlapping_regions  # isort: skip
from daemon.store.migrations import field_names  # isort: skip
from daemon.store.migrations import unaccepted_masks_table  # isort: skip
from daemon.store.migrations import planted_precision  # isort: skip
from daemon.store.migrations.registry import migrations

__all__ = [
    "changed_labels", "commands_table", "field_names", "findings_table", "migrations",
    "overlapping_regions", "people_tables", "planted_precision", "released", "reviews_table",
    "second_labels_table", "typed_facts", "unaccepted_masks_table", "verdicts",
]  # fmt: skip
