"""Durable jobs: which stage runs when and where, and who goes on when a process dies. Alone in knowing DBOS.

A job is a chain of workflows, each a row in the database from the moment it is asked for:

    sample ──► analyze ──► deliver        on the queues ``cpu``, ``cpu`` or ``waiting``, and ``webhooks``
                │ ▲
                ▼ │
                call                      one for each question to a remote model, on the queue ``models``
                take                      frames for a closer look, on the queue ``cpu``

``cpu`` holds what keeps a processor busy, ``waiting`` what mostly waits for answers. Calls wait in their own queue,
so that limits on them hold over all machines.

A queue is split by tenant and served in random order, so that no tenant waits for another's backlog. When a
process dies, another frees what it had begun, and what had ended is not done again.
"""

from api.jobs.engine import JobEngine
from api.jobs.place import Place

__all__ = ["JobEngine", "Place"]
