"""The tables of a ledger, and how its file is marked as a ledger."""

from typing import Final

#: SQLite's header has a field for the application that a file belongs to, and one for the file's version.
APPLICATION: Final = int.from_bytes(b"GBlg", "big")
FORMAT: Final = 2

#: The statements that create the tables.
SCHEMA: Final = (
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE runs (number INTEGER PRIMARY KEY, started_at TEXT NOT NULL, ended_at TEXT)",
    """CREATE TABLE chunks (
        first INTEGER PRIMARY KEY,
        last INTEGER NOT NULL,
        number INTEGER NOT NULL,
        run INTEGER NOT NULL REFERENCES runs,
        objects INTEGER NOT NULL,
        events INTEGER NOT NULL,
        digest BLOB NOT NULL,
        outcome TEXT,
        job_id INTEGER,
        attempts INTEGER NOT NULL,
        error TEXT,
        checksum INTEGER NOT NULL
    )""",
    # What the chunks table must hold. Updated in the same transaction as each chunk, but on another page.
    """CREATE TABLE totals (
        chunks INTEGER, in_flight INTEGER, accepted INTEGER, unknown INTEGER, positions INTEGER
    )""",
    "INSERT INTO totals VALUES (0, 0, 0, 0, 0)",
    """CREATE TRIGGER added AFTER INSERT ON chunks BEGIN UPDATE totals SET
        chunks = chunks + 1, in_flight = in_flight + (new.outcome IS NULL),
        accepted = accepted + (new.outcome IS 'accepted'), unknown = unknown + (new.outcome IS 'unknown'),
        positions = positions + new.first + new.last;
    END""",
    """CREATE TRIGGER removed AFTER DELETE ON chunks BEGIN UPDATE totals SET
        chunks = chunks - 1, in_flight = in_flight - (old.outcome IS NULL),
        accepted = accepted - (old.outcome IS 'accepted'), unknown = unknown - (old.outcome IS 'unknown'),
        positions = positions - old.first - old.last;
    END""",
    """CREATE TRIGGER changed AFTER UPDATE ON chunks BEGIN UPDATE totals SET
        in_flight = in_flight - (old.outcome IS NULL) + (new.outcome IS NULL),
        accepted = accepted - (old.outcome IS 'accepted') + (new.outcome IS 'accepted'),
        unknown = unknown - (old.outcome IS 'unknown') + (new.outcome IS 'unknown');
    END""",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {FORMAT}",
)

#: Counts the rows of chunks. The result must equal the row in totals.
COUNTED: Final = """
    SELECT count(*), coalesce(sum(outcome IS NULL), 0), coalesce(sum(outcome IS 'accepted'), 0),
    coalesce(sum(outcome IS 'unknown'), 0), coalesce(sum(first + last), 0) FROM chunks
"""
