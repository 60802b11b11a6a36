"""Gets or sets a presence state in the dialplan."""

from __future__ import annotations

import base64
import binascii

from globstar.core.channel import Channel
from globstar.core.cli import CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.core.system import System
from globstar.dialplan.arguments import argument, split_arguments, split_raw

_PREFIX = "CustomPresence"
_FAMILY = "CustomPresence"
_STATES = ("not_set", "unavailable", "available", "away", "xa", "chat", "dnd")
_FIELDS = ("value", "subtype", "message")


def load(system: System) -> None:
    """Answer for the presence of ``CustomPresence:name``, which the AstDB keeps."""
    system.device_states.presence_providers[_PREFIX.lower()] = lambda name: _kept(system, name)


def unload(system: System) -> None:
    """Answer no more."""
    system.device_states.presence_providers.pop(_PREFIX.lower(), None)


def _kept(system: System, name: str) -> tuple[str, str, str]:
    """State, subtype and message that were set last."""
    return _read(system.database.get(_FAMILY, name) or "") or ("not_set", "", "")


def _read(text: str) -> tuple[str, str, str] | None:
    """``state,subtype,message[,e]`` taken apart, subtype and message decoded if e is given; None if it is malformed."""
    arguments = split_raw(text, 4)
    state = argument(arguments, 0).strip().lower()
    if state not in _STATES:
        return None
    subtype, message = argument(arguments, 1), argument(arguments, 2)
    if "e" in argument(arguments, 3):
        try:
            subtype, message = _decoded(subtype), _decoded(message)
        except binascii.Error:
            return None
    return state, subtype, message


def _decoded(text: str) -> str:
    return base64.b64decode(text.encode("ascii", "replace"), validate=True).decode("utf-8", "surrogateescape")


@function("PRESENCE_STATE", syntax="PRESENCE_STATE(provider,field[,options])")
def presence_state(channel: Channel | None, args: str) -> str:
    """The presence of somebody.

    ``field`` is value (not_set, unavailable, available, away, xa, chat or dnd), subtype or message; with option e the latter
    two in base64. The presence of CustomPresence:name can be written as value,subtype,message[,options], where option e says
    that subtype and message are in base64; it outlives a restart.
    """
    if channel is None:
        raise FunctionError("PRESENCE_STATE needs a channel")
    arguments = split_arguments(args, 3)
    provider, field = argument(arguments, 0), argument(arguments, 1).strip().lower()
    if not provider or field not in _FIELDS:
        raise FunctionError("PRESENCE_STATE needs a provider and value, subtype or message")
    prefix, _, name = provider.partition(":")
    if prefix.lower() == _PREFIX.lower():
        presence = _kept(channel.system, name)
    else:
        tech_name, _, resource = provider.partition("/")
        spec = channel.system.find_tech(tech_name)
        found = spec.tech.presence_state(resource) if spec is not None else None
        if found is None:
            raise FunctionError(f"nothing is known of the presence of '{provider}'")
        presence = found
    value = presence[_FIELDS.index(field)]
    if field != "value" and "e" in argument(arguments, 2):
        return base64.b64encode(value.encode("utf-8", "surrogateescape")).decode("ascii")
    return value


@presence_state.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    if channel is None:
        raise FunctionError("PRESENCE_STATE needs a channel")
    prefix, _, name = args.partition(":")
    if prefix.lower() != _PREFIX.lower() or not name:
        raise FunctionError(f"only the presence of {_PREFIX}:name can be set, not that of '{args}'")
    if _read(value) is None:
        raise FunctionError(f"'{value}' is no presence: state,subtype,message[,options]")
    keep_presence(channel.system, name, value)


def keep_presence(system: System, name: str, value: str) -> None:
    """Store the presence of ``CustomPresence:name`` and tell those who watch it."""
    system.database.put(_FAMILY, name, value)
    system.device_states.presence_changed(f"{_PREFIX}:{name}")


_LINE = "-" * 69


@cli_command("presencestate list")
def list_presence(system: System, args: list[str]) -> str:
    """List the custom presence states.

    Shows every CustomPresence:name whose presence was set.
    """
    lines = ["", _LINE, "--- Custom Presence States ------------------------------------------", _LINE, "---"]
    kept = [(full.removeprefix(f"/{_FAMILY}/"), text) for full, text in system.database.tree(_FAMILY)]
    if not kept:
        return CliText("\n".join([*lines, "No custom presence states defined\n"]), [])
    data = []
    for name, text in kept:
        state, subtype, message = _read(text) or ("not_set", "", "")
        data.append({"name": f"{_PREFIX}:{name}", "state": state, "subtype": subtype, "message": message})
        lines += [f"--- Name: '{_PREFIX}:{name}'", f"    --- State: '{state}'", f"    --- Subtype: '{subtype}'",
                  f"    --- Message: '{message}'", "---"]  # fmt: skip
    return CliText("\n".join([*lines, _LINE, _LINE, "\n"]), data)


@cli_command("presencestate change", usage="presencestate change <entity> <state>[,<subtype>[,message[,options]]]")
def change_presence(system: System, args: list[str]) -> str:
    """Change a custom presence state.

    Sets the presence of CustomPresence:name. The state is not_set, unavailable, available, away, xa, chat or dnd; option e says
    that subtype and message are in base64.
    """
    if len(args) != 2:
        raise CliUsage
    prefix, _, name = args[0].partition(":")
    presence = _read(args[1])
    if prefix.lower() != _PREFIX.lower() or not name or presence is None:
        raise CliUsage
    keep_presence(system, name, args[1])
    return f"Changing {name} to {presence[0]}\n"
