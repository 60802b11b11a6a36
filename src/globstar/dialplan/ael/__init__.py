"""Pure: the Asterisk Extension Language (extensions.ael), from text to steps of the dialplan."""

from __future__ import annotations

from globstar.dialplan.ael.compiler import REGISTRAR, LoadedAel, compile_ael
from globstar.dialplan.ael.lexer import AelFault
from globstar.dialplan.ael.parser import parse_ael

__all__ = ["REGISTRAR", "AelFault", "LoadedAel", "compile_ael", "parse_ael"]
