"""Full-text search over finished timelines: FTS5 in SQLite, tsvector in PostgreSQL, one meaning for both.

Words are matched by their beginning, in any order, all of them, whatever their case.
"""

import re

import sqlalchemy as sa

_WORD = re.compile(r"\w+")
_MOST_WORDS = 16
_LONGEST_TEXT = 400_000
"""Characters of one timeline that are searchable; a tsvector ends at 1 MiB."""


def matching(query: str, *, postgresql: bool) -> sa.TextualSelect | None:
    """A selection of the ids of jobs whose words match; None where the query holds no word."""
    words = _WORD.findall(query)[:_MOST_WORDS]
    if not words:
        return None
    if postgresql:
        wanted = " & ".join(f"'{word}':*" for word in words)
        where = "words @@ to_tsquery('simple', :wanted)"
    else:
        wanted = " ".join(f'"{word}"*' for word in words)
        where = "sceneline_search MATCH :wanted"
    statement = sa.text(f"SELECT job_id FROM sceneline_search WHERE {where}")  # noqa: S608 - one of the two above
    return statement.bindparams(wanted=wanted).columns(job_id=sa.Text)


def index(connection: sa.Connection, job_id: str, text: str) -> None:
    """Make a job findable by these words, in place of what it was findable by."""
    forget(connection, job_id)
    words = " ".join(_WORD.findall(text[:_LONGEST_TEXT]))
    value = "to_tsvector('simple', :words)" if connection.dialect.name == "postgresql" else ":words"
    connection.execute(
        sa.text(f"INSERT INTO sceneline_search (job_id, words) VALUES (:job_id, {value})"),  # noqa: S608 - as above
        {"job_id": job_id, "words": words},
    )


def forget(connection: sa.Connection, job_id: str) -> None:
    """Find a job no more."""
    connection.execute(sa.text("DELETE FROM sceneline_search WHERE job_id = :job_id"), {"job_id": job_id})
