"""The schema steps up to m017: they are released, so this file is not edited any more."""

from __future__ import annotations

import ast
import json

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations

_TABLES = (
    """CREATE TABLE images (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, uri TEXT NOT NULL,
        path TEXT NOT NULL, height_px INTEGER NOT NULL, width_px INTEGER NOT NULL,
        sha256 TEXT NOT NULL, role TEXT NOT NULL, role_reason TEXT NOT NULL DEFAULT '',
        task TEXT
    ) STRICT""",
    """CREATE TABLE annotations (
        id TEXT PRIMARY KEY, image_id INTEGER NOT NULL REFERENCES images(id), task TEXT NOT NULL,
        annotator TEXT NOT NULL, mask BLOB NOT NULL, created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL, lead_time_s REAL, ground_truth INTEGER NOT NULL,
        corrected INTEGER, deleted INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    "CREATE INDEX annotations_of_image ON annotations(image_id)",
    "CREATE INDEX annotations_of_task ON annotations(task)",
    """CREATE TABLE skips (
        id TEXT PRIMARY KEY, image_id INTEGER NOT NULL REFERENCES images(id), task TEXT NOT NULL,
        annotator TEXT NOT NULL, at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE cycles (
        id INTEGER PRIMARY KEY, stage TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT,
        labels INTEGER NOT NULL, train_labels INTEGER NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
        failures INTEGER NOT NULL DEFAULT 0, failed_at TEXT
    ) STRICT""",
    """CREATE TABLE stages (
        cycle INTEGER NOT NULL REFERENCES cycles(id), stage TEXT NOT NULL,
        started_at TEXT NOT NULL, finished_at TEXT, PRIMARY KEY (cycle, stage)
    ) STRICT""",
    """CREATE TABLE picks (
        cycle INTEGER NOT NULL REFERENCES cycles(id), rank INTEGER NOT NULL,
        image_id INTEGER NOT NULL REFERENCES images(id), arm TEXT NOT NULL, reason TEXT NOT NULL,
        reserve INTEGER NOT NULL, PRIMARY KEY (cycle, rank), UNIQUE (cycle, image_id)
    ) STRICT""",
    """CREATE TABLE tasks (
        task TEXT PRIMARY KEY, image_id INTEGER NOT NULL REFERENCES images(id),
        cycle INTEGER NOT NULL REFERENCES cycles(id), arm TEXT NOT NULL, reason TEXT NOT NULL,
        position INTEGER NOT NULL, state TEXT NOT NULL, asked_at TEXT NOT NULL, closed_at TEXT
    ) STRICT""",
    "CREATE INDEX tasks_of_image ON tasks(image_id)",
    """CREATE TABLE outbox (
        key TEXT PRIMARY KEY, cycle INTEGER NOT NULL REFERENCES cycles(id), version TEXT NOT NULL,
        payload TEXT NOT NULL, state TEXT NOT NULL, created_at TEXT NOT NULL, done_at TEXT
    ) STRICT""",
    """CREATE TABLE scores (
        cycle INTEGER NOT NULL REFERENCES cycles(id),
        image_id INTEGER NOT NULL REFERENCES images(id),
        uncertainty REAL, class_share TEXT, PRIMARY KEY (cycle, image_id)
    ) STRICT""",
    """CREATE TABLE evaluations (
        cycle INTEGER NOT NULL REFERENCES cycles(id), split TEXT NOT NULL,
        labels INTEGER NOT NULL, train_labels INTEGER NOT NULL, images INTEGER NOT NULL,
        miou REAL, miou_low REAL, miou_high REAL, iou TEXT NOT NULL, seconds REAL,
        PRIMARY KEY (cycle, split)
    ) STRICT""",
    """CREATE TABLE quarantine (
        place TEXT PRIMARY KEY, got TEXT NOT NULL, expected TEXT NOT NULL, cure TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE events (
        id INTEGER PRIMARY KEY, at TEXT NOT NULL, level TEXT NOT NULL, words TEXT NOT NULL
    ) STRICT""",
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
)


@migrations()
def m001_initial(db: Database) -> None:
    """Create the tables of the first release."""
    for statement in _TABLES:
        db.execute(statement)


@migrations()
def m002_notes(db: Database) -> None:
    """What was made of an annotation beyond reading it: a JSON list of words."""
    db.execute("ALTER TABLE annotations ADD COLUMN notes TEXT NOT NULL DEFAULT '[]'")


@migrations()
def m003_effort(db: Database) -> None:
    """Which prediction a person began with, and how much of it was changed, by class."""
    db.execute("ALTER TABLE annotations ADD COLUMN shown TEXT")
    db.execute("ALTER TABLE annotations ADD COLUMN changed_share REAL")
    db.execute(
        """CREATE TABLE corrections (
            annotation TEXT NOT NULL, class TEXT NOT NULL, iou REAL NOT NULL,
            PRIMARY KEY (annotation, class)
        ) STRICT"""
    )


@migrations()
def m004_asked_again(db: Database) -> None:
    """Which answer a quarantined mask was, and what became of it."""
    for column in ("annotation TEXT", "task TEXT", "image_id INTEGER REFERENCES images(id)"):
        db.execute(f"ALTER TABLE quarantine ADD COLUMN {column}")
    db.execute("ALTER TABLE quarantine ADD COLUMN state TEXT NOT NULL DEFAULT 'open'")


@migrations()
def m005_team(db: Database) -> None:
    """Who answered what and when, without a look at the masks that lie between."""
    db.execute("CREATE INDEX annotations_by_time ON annotations(updated_at, annotator)")
    db.execute(
        "CREATE INDEX annotations_in_effect ON annotations(image_id, annotator) WHERE deleted = 0"
    )


@migrations()
def m006_blank(db: Database) -> None:
    """Whether an answer says nothing about any pixel: it was asked for, and teaches nothing."""
    db.execute("ALTER TABLE annotations ADD COLUMN blank INTEGER NOT NULL DEFAULT 0")
    db.execute(
        "CREATE INDEX annotations_blank ON annotations(image_id) WHERE blank = 1 AND deleted = 0"
    )


@migrations()
def m007_versions(db: Database) -> None:
    """The sets of predictions that we made: since when another one is in force, and whether the
    tool still holds them. Of those before this step only what pushes carried is known."""
    db.execute(
        """CREATE TABLE versions (
            version TEXT PRIMARY KEY, made_at TEXT NOT NULL, left_at TEXT, forgotten_at TEXT
        ) STRICT"""
    )
    db.execute(
        "INSERT INTO versions (version, made_at) "
        "SELECT version, min(created_at) FROM outbox GROUP BY version"
    )


@migrations()
def m008_identity(db: Database) -> None:
    """Images are recognised by their content: what an address was before, which bytes a label was
    drawn on, which image repeats another, and which file a run could not use."""
    for column in (
        "stamp TEXT NOT NULL DEFAULT ''",  # of the file: differs when its bytes may have changed
        "checked_at TEXT NOT NULL DEFAULT ''",  # when its bytes were compared last
        "replaced_in INTEGER",  # the newest cycle when its bytes were replaced
        "copy_of INTEGER REFERENCES images(id)",
        "aside_stamp TEXT NOT NULL DEFAULT ''",  # of the file that a run could not use
    ):
        db.execute(f"ALTER TABLE images ADD COLUMN {column}")
    db.execute("CREATE INDEX images_of_content ON images(sha256)")
    db.execute(
        "CREATE TABLE former_keys (key TEXT PRIMARY KEY, "
        "image_id INTEGER NOT NULL REFERENCES images(id)) STRICT"
    )
    db.execute(
        "CREATE TABLE refused_images (place TEXT PRIMARY KEY, stamp TEXT NOT NULL, "
        "at TEXT NOT NULL) STRICT"
    )
    db.execute("ALTER TABLE annotations ADD COLUMN drawn_on TEXT")
    db.execute("UPDATE annotations SET drawn_on = (SELECT sha256 FROM images WHERE id = image_id)")
    db.execute(
        "CREATE INDEX annotations_drawn_on ON annotations(image_id, drawn_on) WHERE deleted = 0"
    )


@migrations()
def m009_used_labels(db: Database) -> None:
    """Which labels the model of a cycle learned from or was measured with, and their bytes."""
    db.execute(
        """CREATE TABLE used_labels (
            cycle INTEGER NOT NULL REFERENCES cycles(id), annotation TEXT NOT NULL,
            image_id INTEGER NOT NULL REFERENCES images(id), drawn_on TEXT,
            PRIMARY KEY (cycle, annotation)
        ) STRICT"""
    )


@migrations()
def m010_exclusions(db: Database) -> None:
    """Why an image is excluded, and what it was before, so that it can come back."""
    db.execute("ALTER TABLE images ADD COLUMN excluded_why TEXT")
    db.execute("ALTER TABLE images ADD COLUMN role_before TEXT")
    known = (
        ("group", "in a group of validation"),
        ("near_validation", "near-duplicate of validation%"),
        ("unreadable", "a run could not use it%"),
    )
    for why, reason in known:
        db.execute(
            "UPDATE images SET excluded_why = ?, role_before = 'pool' "
            "WHERE role = 'excluded' AND role_reason LIKE ?",
            (why, reason),
        )


@migrations()
def m011_missing_figures(db: Database) -> None:
    """Why a figure is not there, and how often an interval holds the true value in simulation.

    Intervals of earlier releases (percentile bootstrap) have no such number.
    """
    db.execute("ALTER TABLE evaluations ADD COLUMN missing TEXT NOT NULL DEFAULT '{}'")
    db.execute("ALTER TABLE evaluations ADD COLUMN interval_coverage REAL")
    db.execute("ALTER TABLE evaluations ADD COLUMN interval_groups INTEGER")


@migrations()
def m012_quarantine_of_task(db: Database) -> None:
    """The faults of a task are looked up whenever it changes; there may be one for each task."""
    db.execute("CREATE INDEX quarantine_of_task ON quarantine(task)")


@migrations()
def m014_incidents(db: Database) -> None:
    """What does not work and since when, one row a source; and when the daemon looked last."""
    db.execute(
        """CREATE TABLE incidents (
            source TEXT PRIMARY KEY, kind TEXT NOT NULL, words TEXT NOT NULL,
            unexpected INTEGER NOT NULL, since TEXT NOT NULL, last_at TEXT NOT NULL,
            count INTEGER NOT NULL, returns INTEGER NOT NULL, ended_at TEXT
        ) STRICT"""
    )
    db.execute(
        """CREATE TABLE heartbeat (
            one INTEGER PRIMARY KEY CHECK (one = 1), pid INTEGER NOT NULL,
            started_at TEXT NOT NULL, began_at TEXT NOT NULL, looked_at TEXT,
            next_at TEXT NOT NULL, ended_at TEXT
        ) STRICT"""
    )


@migrations()
def m013_classes(db: Database) -> None:
    """The names that the labels were read with, so that another order is noticed. Stores of
    before know them from what decides whether all answers are read again."""
    rows = list(db.query("SELECT value FROM facts WHERE name = 'annotations_read_with'"))
    names = _names_of(rows[0]["value"]) if rows else None
    if names:
        db.execute("INSERT OR IGNORE INTO facts VALUES ('classes', ?)", [json.dumps(names)])


def _names_of(written: str) -> list[str] | None:
    """The names in `ClassSet(names=('soil', 'crop'), ...)`; None where that is not what it is."""
    try:
        call = ast.parse(written, mode="eval").body
        keywords = call.keywords if isinstance(call, ast.Call) else []
        found = next((one.value for one in keywords if one.arg == "names"), None)
        return None if found is None else list(ast.literal_eval(found))
    except (SyntaxError, ValueError):
        return None


@migrations()
def m016_story_of_a_cycle(db: Database) -> None:
    """Whose model serves in a cycle, how long its stages took while a daemon ran, who had given
    how many labels when it began, and the settings and the version that it ran with."""
    db.execute("ALTER TABLE cycles ADD COLUMN serving INTEGER")
    db.execute("ALTER TABLE cycles ADD COLUMN settings TEXT")
    db.execute("ALTER TABLE cycles ADD COLUMN maskloop TEXT")
    for column in ("seconds REAL", "seen_at TEXT", "seen_by TEXT"):
        db.execute(f"ALTER TABLE stages ADD COLUMN {column}")
    db.execute(
        """CREATE TABLE cycle_people (
            cycle INTEGER NOT NULL REFERENCES cycles(id), annotator TEXT NOT NULL,
            labels INTEGER NOT NULL, PRIMARY KEY (cycle, annotator)
        ) STRICT"""
    )


@migrations()
def m017_corrections(db: Database) -> None:
    """How much was corrected, in pixels of each class, and why that is not known of an answer.
    Answers that were kept before are measured by the next ticks."""
    db.execute("ALTER TABLE annotations ADD COLUMN unmeasured TEXT")
    for column in ("shown_px", "submitted_px", "kept_px"):
        db.execute(f"ALTER TABLE corrections ADD COLUMN {column} INTEGER")
    db.execute(
        "CREATE INDEX annotations_unmeasured ON annotations(id) WHERE shown IS NOT NULL "
        "AND changed_share IS NULL AND unmeasured IS NULL AND deleted = 0"
    )


@migrations()
def m017_evaluation_details(db: Database) -> None:
    """What else a model was measured by: one JSON object an evaluation."""
    db.execute("ALTER TABLE evaluations ADD COLUMN details TEXT NOT NULL DEFAULT '{}'")


@migrations()
def m017_scores_stay_in_their_runs(db: Database) -> None:
    """The scores of the pool are arrays of their run folder; nothing ever read this copy of them,
    a row for each image and cycle."""
    db.execute("DROP TABLE scores")
