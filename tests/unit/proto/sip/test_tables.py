"""The transition tables are complete and consistent with the classes that run them."""

from __future__ import annotations

import pytest

from globstar.proto.sip import tables
from globstar.proto.sip.tables import Input, State, Table
from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction

ALL = [
    (tables.INVITE_CLIENT, ClientTransaction),
    (tables.NON_INVITE_CLIENT, ClientTransaction),
    (tables.INVITE_SERVER, ServerTransaction),
    (tables.NON_INVITE_SERVER, ServerTransaction),
]


@pytest.mark.parametrize(("table", "kind"), ALL)
def test_every_action_is_a_method(table: Table, kind: type) -> None:
    for _, actions in table.values():
        for action in actions:
            assert callable(getattr(kind, action))


@pytest.mark.parametrize(("table", "kind"), ALL)
def test_every_state_can_end(table: Table, kind: type) -> None:
    """From each state Terminated can be reached, and nothing leaves Terminated."""
    reaches = {State.TERMINATED}
    while True:
        more = {state for (state, _), (target, _) in table.items() if target in reaches}
        if more <= reaches:
            break
        reaches |= more
    assert {state for state, _ in table} <= reaches
    assert not any(state is State.TERMINATED for state, _ in table)


@pytest.mark.parametrize(("table", "kind"), ALL)
def test_every_timer_that_is_started_has_a_row_or_is_a_remnant(table: Table, kind: type) -> None:
    """A timer named in an action (start_x, restart_x) fires into some row of the same table."""
    started = {action.split("_")[1].upper() for _, actions in table.values() for action in actions if "start_" in action}
    fired = {what.name[-1] for _, what in table if what.name.startswith("TIMER_")}
    assert started <= fired


def test_client_and_server_inputs_do_not_mix() -> None:
    client = {what for table, kind in ALL if kind is ClientTransaction for _, what in table}
    server = {what for table, kind in ALL if kind is ServerTransaction for _, what in table}
    assert not client & server
    assert Input.TRANSPORT_ERROR in client
