"""Party ID related dialplan functions (Caller-ID, Connected-line, Redirecting)."""

from __future__ import annotations

from globstar.modules.funcs.callerid.caller import caller_id
from globstar.modules.funcs.callerid.connected import connected_line
from globstar.modules.funcs.callerid.redirecting import redirecting

__all__ = ["caller_id", "connected_line", "redirecting"]
