"""The states of mailboxes."""

from __future__ import annotations

from globstar.core import events
from globstar.core.bus import EventBus
from globstar.core.mailboxes import Mailboxes, MailboxState


def test_watchers_hear_of_changes_of_their_mailbox_only() -> None:
    boxes = Mailboxes(EventBus())
    seen: list[str] = []
    boxes.watch("100", seen.append)
    assert boxes.update("100@default", 1, 0)
    assert not boxes.update("100@default", 1, 0)
    boxes.update("101@default", 1, 0)
    assert seen == ["100@default"]
    boxes.unwatch("100@default", seen.append)
    boxes.update("100", 0, 0)
    assert seen == ["100@default"]


def test_totals_forgotten_and_learnt_counts() -> None:
    bus = EventBus()
    told: list[events.MessageWaiting] = []
    bus.subscribe(events.MessageWaiting, told.append)
    boxes = Mailboxes(bus)
    boxes.learn([("100", MailboxState(1, 2, 1)), ("101@sales", MailboxState(3, 0))])
    assert told == []
    assert boxes.total(["100", "101@sales", "nobody"]) == (4, 2, 1)
    assert boxes.forget("100")
    assert not boxes.forget("100")
    assert sorted(boxes.known()) == ["101@sales"]


def test_listeners_hear_of_all_with_their_source() -> None:
    boxes = Mailboxes(EventBus())
    heard: list[tuple[str, MailboxState, str]] = []
    stop = boxes.listen(lambda name, state, source: heard.append((name, state, source)))
    boxes.update("1", 1, 0, source="other")
    stop()
    boxes.update("1", 2, 0)
    assert heard == [("1@default", MailboxState(1, 0), "other")]
