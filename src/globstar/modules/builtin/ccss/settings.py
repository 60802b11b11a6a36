"""ccss.conf."""

from __future__ import annotations

from dataclasses import dataclass, field

from globstar.base.log import Logger
from globstar.config import ConfigFile
from globstar.config.options import did_you_mean
from globstar.config.values import boolean
from globstar.core.callcompletion import NAMES, CompletionParameters, changed
from globstar.core.devicestate import DeviceState

logger = Logger("ccss")


#: The device states of transactions, unless the file says otherwise.
_STATES = {
    "available": DeviceState.NOT_INUSE,
    "offered": DeviceState.NOT_INUSE,
    "caller_requested": DeviceState.NOT_INUSE,
    "active": DeviceState.INUSE,
    "callee_ready": DeviceState.INUSE,
    "caller_busy": DeviceState.ONHOLD,
    "recalling": DeviceState.RINGING,
    "complete": DeviceState.NOT_INUSE,
    "failed": DeviceState.NOT_INUSE,
}


@dataclass(slots=True)
class CompletionSettings:
    """The whole file. ``states`` are device states by the names that ``cc_<name>_devstate`` takes."""

    is_enabled: bool = True
    max_requests: int = 20
    parameters: CompletionParameters = field(default_factory=CompletionParameters)
    states: dict[str, DeviceState] = field(default_factory=lambda: dict(_STATES))


def read_completion(config: ConfigFile | None) -> CompletionSettings:
    """Read ccss.conf; what cannot be used is logged by file and line and keeps its default."""
    settings = CompletionSettings()
    for category in config or ():
        for variable in category:
            where = f"{variable.file}:{variable.line}"
            if category.name.lower() != "general":
                logger.warning(f"{where}: options stand in [general], not in [{category.name}]")
                break
            try:
                _take(settings, variable.name.lower(), variable.value)
            except KeyError:
                known = ("enabled", "cc_max_requests", *NAMES, *(f"cc_{name}_devstate" for name in _STATES))
                logger.warning(f"{where}: unknown option '{variable.name}'{did_you_mean(variable.name, known)}")
            except ValueError as fault:
                logger.warning(f"{where}: {variable.name}: {fault}")
    return settings


def _take(settings: CompletionSettings, name: str, text: str) -> None:
    """Take one option. Raises KeyError for a wrong name, ValueError for a wrong value."""
    if name == "enabled":
        settings.is_enabled = boolean(text)
    elif name == "cc_max_requests":
        if not text.isdecimal() or len(text) > 6:
            raise ValueError(f"'{text}' is no number")
        settings.max_requests = int(text)
    elif name.startswith("cc_") and name.endswith("_devstate"):
        state = DeviceState.__members__.get(text.strip().upper())
        key = name.removeprefix("cc_").removesuffix("_devstate")
        if key not in _STATES:
            raise KeyError(name)
        if state is None:
            raise ValueError(f"'{text}' is no device state")
        settings.states[key] = state
    else:
        settings.parameters = changed(settings.parameters, name, text)
