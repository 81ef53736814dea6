"""Counters over all processes and restarts: how many jobs ended how, and what they cost."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from api.records.database import Database
from api.records.tables import TOTALS


def add_totals(connection: sa.Connection, amounts: Mapping[tuple[str, str], float]) -> None:
    """Add to counters, each named and labelled; nothing is added of what is 0."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for (name, label), value in sorted(amounts.items()):
        if value:
            statement = insert(TOTALS).values(name=name, label=label, value=value)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["name", "label"],
                    set_={"value": TOTALS.c.value + statement.excluded.value},
                )
            )


class Totals:
    """Reads the counters."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> Mapping[tuple[str, str], float]:
        """Every counter by name and label."""
        with self._database.begin(reading=True) as connection:
            rows = connection.execute(sa.select(TOTALS.c.name, TOTALS.c.label, TOTALS.c.value)).all()
        return {(name, label): value for name, label, value in rows}
