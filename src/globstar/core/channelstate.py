"""States of a channel, why its owner must leave it, and how that is told."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from globstar.base.errors import GlobstarError


class ChannelState(IntEnum):
    """State of a channel; numbers and texts are Asterisk's."""

    DOWN = 0
    RESERVED = 1
    OFFHOOK = 2
    DIALING = 3
    RING = 4
    RINGING = 5
    UP = 6
    BUSY = 7
    DIALING_OFFHOOK = 8
    PRERING = 9


STATE_TEXT = {
    ChannelState.DOWN: "Down",
    ChannelState.RESERVED: "Rsrvd",
    ChannelState.OFFHOOK: "OffHook",
    ChannelState.DIALING: "Dialing",
    ChannelState.RING: "Ring",
    ChannelState.RINGING: "Ringing",
    ChannelState.UP: "Up",
    ChannelState.BUSY: "Busy",
    ChannelState.DIALING_OFFHOOK: "Dialing Offhook",
    ChannelState.PRERING: "Pre-ring",
}


class SoftHangup(IntFlag):
    """Why the owner of a channel must leave what it does."""

    NONE = 0
    #: the other side hung up
    DEVICE = 1
    #: someone sent the channel to another extension
    ASYNC_GOTO = 2
    SHUTDOWN = 4
    #: the absolute timeout passed
    TIMEOUT = 8
    #: the dialplan is over
    APP_UNLOAD = 16
    #: someone asked to hang up
    EXPLICIT = 32
    #: a hangup handler or the h extension runs
    HANGUP_EXEC = 64


class ChannelGone(GlobstarError):
    """Raised in the owner's task when it must give up the channel: hung up, timed out or sent elsewhere."""


class NoTranslation(GlobstarError):
    """No chain of translators leads from one format to another."""
