"""TURN (RFC 8656): the client's side."""

from globstar.proto.turn.client import TurnClient, TurnState, is_channel_data
from globstar.proto.turn.stream import TurnStream, TurnStreamError

__all__ = ["TurnClient", "TurnState", "TurnStream", "TurnStreamError", "is_channel_data"]
