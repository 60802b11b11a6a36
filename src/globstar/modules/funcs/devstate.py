"""Gets or sets a device state in the dialplan."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.cli import CliUsage, by_place, cli_command
from globstar.core.cli_data import CliText
from globstar.core.devicestate import DeviceState
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.core.system import System
from globstar.dialplan.arguments import argument, split_arguments

_PREFIX = "Custom"
_FAMILY = "CustomDevstate"


def load(system: System) -> None:
    """Answer for the devices ``Custom:name``, whose states the AstDB keeps; tell of those that it has."""

    def state(name: str) -> DeviceState:
        kept = system.database.get(_FAMILY, name)
        return DeviceState.__members__.get(kept or "", DeviceState.UNKNOWN)

    system.device_states.add_provider(_PREFIX, state)
    for full, _ in system.database.tree(_FAMILY):
        system.device_states.changed(f"{_PREFIX}:{full.removeprefix(f'/{_FAMILY}/')}")


def unload(system: System) -> None:
    """Answer no more."""
    system.device_states.remove_provider(_PREFIX)


def _need(channel: Channel | None) -> Channel:
    if channel is None:
        raise FunctionError("a channel is needed")
    return channel


@function("DEVICE_STATE", syntax="DEVICE_STATE(device)")
def device_state(channel: Channel | None, args: str) -> str:
    """The state of a device: UNKNOWN, NOT_INUSE, INUSE, BUSY, INVALID, UNAVAILABLE, RINGING, RINGINUSE or ONHOLD.

    The states of devices called Custom:name can be written, and outlive a restart; hints may refer to them.
    """
    return _need(channel).system.device_states.state(args).name


@device_state.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    system = _need(channel).system
    prefix, colon, name = args.partition(":")
    if not colon or prefix.lower() != _PREFIX.lower() or not name:
        raise FunctionError(f"only the states of {_PREFIX}:name can be set, not that of '{args}'")
    state = DeviceState.__members__.get(value.strip().upper())
    if state is None or state is DeviceState.UNKNOWN:
        raise FunctionError(f"unknown device state '{value}'")
    keep_state(system, name, state)


def keep_state(system: System, name: str, state: DeviceState) -> None:
    """Store the state of ``Custom:name`` and tell those who watch it."""
    system.database.put(_FAMILY, name, state.name)
    system.device_states.changed(f"{_PREFIX}:{name}")


_LINE = "-" * 69


@cli_command("devstate list")
def list_states(system: System, args: list[str]) -> str:
    """List the custom device states.

    Shows every device Custom:name whose state was set, with its state.
    """
    lines = ["", _LINE, "--- Custom Device States --------------------------------------------", _LINE, "---"]
    states = {f"{_PREFIX}:{full.removeprefix(f'/{_FAMILY}/')}": state for full, state in system.database.tree(_FAMILY)}
    for name, state in states.items():
        lines += [f"--- Name: '{name}'  State: '{state}'", "---"]
    return CliText("\n".join([*lines, _LINE, _LINE, "\n"]), states)


def _custom_devices(system: System) -> list[str]:
    return [f"{_PREFIX}:{full.removeprefix(f'/{_FAMILY}/')}" for full, _ in system.database.tree(_FAMILY)]


@cli_command(
    "devstate change", usage="devstate change <device> <state>", complete=by_place(_custom_devices, list(DeviceState.__members__))
)
def change_state(system: System, args: list[str]) -> str:
    """Change a custom device state.

    Sets the state of a device Custom:name to NOT_INUSE, INUSE, BUSY, INVALID, UNAVAILABLE, RINGING, RINGINUSE or ONHOLD.
    """
    if len(args) != 2:
        raise CliUsage
    prefix, colon, name = args[0].partition(":")
    state = DeviceState.__members__.get(args[1].upper())
    if state is None or state is DeviceState.UNKNOWN:
        raise CliUsage
    if not colon or prefix.lower() != _PREFIX.lower() or not name:
        return f"The only states that can be set are those of devices called {_PREFIX}:name.\n"
    keep_state(system, name, state)
    return f"Changing {name} to {state.name}\n"


@function("HINT", syntax="HINT(extension[@context][,options])")
def hint(channel: Channel | None, args: str) -> str:
    """The devices, and the presence, behind the hint of an extension; with option n its name.

    The context is ``default`` if not given.
    """
    arguments = split_arguments(args, 2)
    place = argument(arguments, 0)
    if not place:
        raise FunctionError("HINT needs an extension")
    extension, _, context = place.partition("@")
    step = _need(channel).system.plan.hint(context or "default", extension)
    if step is None:
        return ""
    return step.data if "n" in argument(arguments, 1) else step.app_name
