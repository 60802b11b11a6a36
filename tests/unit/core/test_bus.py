"""The event bus: order, isolation, no cost without listeners."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.base.log import Level
from globstar.core.bus import EventBus
from tests.support.switch import LogCapture


@dataclass
class One:
    number: int


@dataclass
class Two:
    number: int


def test_events_arrive_in_order_and_by_type() -> None:
    bus, heard = EventBus(), list[object]()
    bus.subscribe(One, heard.append)
    bus.publish(One(1))
    bus.publish(Two(2))
    bus.publish(One(3))
    assert heard == [One(1), One(3)]


def test_watchers_hear_types_that_come_later() -> None:
    bus, heard = EventBus(), list[object]()
    unwatch = bus.watch(heard.append)
    bus.publish(Two(1))
    unwatch()
    bus.publish(Two(2))
    assert heard == [Two(1)]


def test_a_failing_listener_is_logged_and_the_others_hear() -> None:
    bus, heard = EventBus(), list[object]()

    def broken(event: One) -> None:
        raise ValueError("no")

    bus.subscribe(One, broken)
    bus.subscribe(One, heard.append)
    with LogCapture() as log:
        bus.publish(One(1))
    assert heard == [One(1)]
    assert len(log.texts(Level.ERROR)) == 1


def test_the_live_list_tells_whether_anyone_listens() -> None:
    bus = EventBus()
    listeners = bus.listeners(One)
    assert not listeners
    unsubscribe = bus.subscribe(One, lambda event: None)
    assert listeners
    unsubscribe()
    assert not listeners
