"""What call completion tells the bus, and how manager clients hear it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from globstar.core.manager import Fields, ManagerEvent, Permission, manager_event


@dataclass(slots=True)
class CompletionChanged:
    """A transaction went on; ``name`` is the manager's event (CCRequested ...), ``fields`` what it says besides the id."""

    name: str
    core_id: int
    fields: Fields


@manager_event(CompletionChanged)
def completion_event(event: CompletionChanged) -> Iterator[ManagerEvent]:
    yield ManagerEvent(event.name, Permission.CC, (("CoreID", str(event.core_id)), *event.fields))
