"""TURN (RFC 8656): the client's side."""

from globstar.proto.turn.client import TurnClient, TurnState, is_channel_data

__all__ = ["TurnClient", "TurnState", "is_channel_data"]
