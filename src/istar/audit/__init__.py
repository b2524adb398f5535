"""The audit: are tasks dear to predict by behaviour, cheap to check, and open to acceleration from inside?"""

from istar.audit.audit import Audit, TaskAudit, audit_from_json, audit_tasks
from istar.audit.leaks import Leak, find_leaks
from istar.audit.room import KnownMethods, known_methods

__all__ = [
    "Audit",
    "KnownMethods",
    "Leak",
    "TaskAudit",
    "audit_from_json",
    "audit_tasks",
    "find_leaks",
    "known_methods",
]
