"""The schema, one step a function. A released step is never edited: add another."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

migrations = Migrations("daemon")

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
