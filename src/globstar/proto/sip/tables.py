"""The four transaction state machines. Everything about transitions is in this file.

A row reads ``(state, input): (next state, actions in order)``; a pair that has no row changes nothing. Actions are
methods of the transactions in ``transaction.py``. Sources: RFC 3261 17.1.1.2, 17.1.2.2, 17.2.1, 17.2.2 with the
corrections of RFC 6026 7 and 8 (Accepted state, Timers L and M).
"""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """States of a transaction."""

    CALLING = 0
    TRYING = 1
    PROCEEDING = 2
    COMPLETED = 3
    CONFIRMED = 4
    ACCEPTED = 5
    TERMINATED = 6


class Input(IntEnum):
    """What can happen to a transaction."""

    RECEIVE_1XX = 0
    RECEIVE_2XX = 1
    RECEIVE_FAILURE = 2
    RECEIVE_REQUEST = 3
    RECEIVE_ACK = 4
    SEND_1XX = 5
    SEND_2XX = 6
    SEND_FAILURE = 7
    TRANSPORT_ERROR = 8
    TIMER_A = 9
    TIMER_B = 10
    TIMER_D = 11
    TIMER_E = 12
    TIMER_F = 13
    TIMER_G = 14
    TIMER_H = 15
    TIMER_I = 16
    TIMER_J = 17
    TIMER_K = 18
    TIMER_L = 19
    TIMER_M = 20


CALLING, TRYING, PROCEEDING, COMPLETED, CONFIRMED, ACCEPTED, TERMINATED = State
Row = tuple[State, tuple[str, ...]]
Table = dict[tuple[State, Input], Row]

INVITE_CLIENT: Table = {
    (CALLING, Input.TIMER_A): (CALLING, ("retransmit", "restart_a")),
    (CALLING, Input.TIMER_B): (TERMINATED, ("time_out",)),
    (CALLING, Input.RECEIVE_1XX): (PROCEEDING, ("stop_timers", "pass_provisional")),
    (CALLING, Input.RECEIVE_2XX): (ACCEPTED, ("stop_timers", "start_m", "pass_final")),
    (CALLING, Input.RECEIVE_FAILURE): (COMPLETED, ("stop_timers", "send_ack", "start_d", "pass_final")),
    (CALLING, Input.TRANSPORT_ERROR): (TERMINATED, ("fail",)),
    (PROCEEDING, Input.RECEIVE_1XX): (PROCEEDING, ("pass_provisional",)),
    (PROCEEDING, Input.RECEIVE_2XX): (ACCEPTED, ("start_m", "pass_final")),
    (PROCEEDING, Input.RECEIVE_FAILURE): (COMPLETED, ("send_ack", "start_d", "pass_final")),
    (PROCEEDING, Input.TRANSPORT_ERROR): (TERMINATED, ("fail",)),
    (COMPLETED, Input.RECEIVE_FAILURE): (COMPLETED, ("resend_ack",)),
    (COMPLETED, Input.TIMER_D): (TERMINATED, ()),
    (ACCEPTED, Input.RECEIVE_2XX): (ACCEPTED, ("pass_final",)),  # RFC 6026 7.2: every 2xx goes up
    (ACCEPTED, Input.TIMER_M): (TERMINATED, ()),
}

NON_INVITE_CLIENT: Table = {
    (TRYING, Input.TIMER_E): (TRYING, ("retransmit", "restart_e")),
    (TRYING, Input.TIMER_F): (TERMINATED, ("time_out",)),
    (TRYING, Input.RECEIVE_1XX): (PROCEEDING, ("pass_provisional",)),
    (TRYING, Input.RECEIVE_2XX): (COMPLETED, ("stop_timers", "start_k", "pass_final")),
    (TRYING, Input.RECEIVE_FAILURE): (COMPLETED, ("stop_timers", "start_k", "pass_final")),
    (TRYING, Input.TRANSPORT_ERROR): (TERMINATED, ("fail",)),
    (PROCEEDING, Input.TIMER_E): (PROCEEDING, ("retransmit", "restart_e_slow")),
    (PROCEEDING, Input.TIMER_F): (TERMINATED, ("time_out",)),
    (PROCEEDING, Input.RECEIVE_1XX): (PROCEEDING, ("pass_provisional",)),
    (PROCEEDING, Input.RECEIVE_2XX): (COMPLETED, ("stop_timers", "start_k", "pass_final")),
    (PROCEEDING, Input.RECEIVE_FAILURE): (COMPLETED, ("stop_timers", "start_k", "pass_final")),
    (PROCEEDING, Input.TRANSPORT_ERROR): (TERMINATED, ("fail",)),
    (COMPLETED, Input.TIMER_K): (TERMINATED, ()),
}

INVITE_SERVER: Table = {
    (PROCEEDING, Input.RECEIVE_REQUEST): (PROCEEDING, ("resend",)),
    (PROCEEDING, Input.SEND_1XX): (PROCEEDING, ("send",)),
    (PROCEEDING, Input.SEND_2XX): (ACCEPTED, ("send", "start_l", "shrink")),
    (PROCEEDING, Input.SEND_FAILURE): (COMPLETED, ("send", "start_g", "start_h")),
    (COMPLETED, Input.RECEIVE_REQUEST): (COMPLETED, ("resend",)),
    (COMPLETED, Input.TIMER_G): (COMPLETED, ("resend", "restart_g")),
    (COMPLETED, Input.TIMER_H): (TERMINATED, ()),
    (COMPLETED, Input.RECEIVE_ACK): (CONFIRMED, ("stop_timers", "start_i", "shrink")),
    (CONFIRMED, Input.TIMER_I): (TERMINATED, ()),
    (ACCEPTED, Input.SEND_2XX): (ACCEPTED, ("send",)),  # RFC 6026 7.1: the core repeats the 2xx through us
    (ACCEPTED, Input.TIMER_L): (TERMINATED, ()),  # requests are absorbed until then
}

NON_INVITE_SERVER: Table = {
    (TRYING, Input.SEND_1XX): (PROCEEDING, ("send",)),
    (TRYING, Input.SEND_2XX): (COMPLETED, ("send", "start_j", "shrink")),
    (TRYING, Input.SEND_FAILURE): (COMPLETED, ("send", "start_j", "shrink")),
    (PROCEEDING, Input.RECEIVE_REQUEST): (PROCEEDING, ("resend",)),
    (PROCEEDING, Input.SEND_1XX): (PROCEEDING, ("send",)),
    (PROCEEDING, Input.SEND_2XX): (COMPLETED, ("send", "start_j", "shrink")),
    (PROCEEDING, Input.SEND_FAILURE): (COMPLETED, ("send", "start_j", "shrink")),
    (COMPLETED, Input.RECEIVE_REQUEST): (COMPLETED, ("resend",)),
    (COMPLETED, Input.TIMER_J): (TERMINATED, ()),
}
