"""What an application leaves behind: tasks, generators, threads, timers, files, sockets and child processes.

Take a :func:`snapshot` before, and ask for the :func:`growth` after; or give :func:`growing` something to do again
and again, and it tells what becomes more each time, apart from what is held by design. Inside of :class:`Origins` each
leak also says where it was made, and :class:`Complaints` hears what Python says about what was forgotten. What
belongs to this package or to the event loop itself (its self-pipe, idle workers of a pool) is left out.
"""

from asgi_conformance.leaks.complaints import Complaints
from asgi_conformance.leaks.cycles import growing
from asgi_conformance.leaks.leak import Leak, told
from asgi_conformance.leaks.origins import Origins
from asgi_conformance.leaks.snapshot import (
    CHILDREN,
    DESCRIPTORS,
    Snapshot,
    children,
    descriptors,
    generator_leak,
    generators,
    growth,
    snapshot,
    task_leak,
    tasks,
    thread_leak,
    threads,
)

__all__ = [
    "CHILDREN",
    "DESCRIPTORS",
    "Complaints",
    "Leak",
    "Origins",
    "Snapshot",
    "children",
    "descriptors",
    "generator_leak",
    "generators",
    "growing",
    "growth",
    "snapshot",
    "task_leak",
    "tasks",
    "thread_leak",
    "threads",
    "told",
]
