"""The service: trunks and stations by name, their extensions and devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.devicestate import DeviceState
from globstar.dialplan.context import HINT, PriorityInUse, Step
from globstar.modules.apps.sla.lines import DEVICE_PREFIX, DEVICE_STATE, Line, Station, Trunk
from globstar.modules.apps.sla.settings import read_sla

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("app_sla")

SERVICE = "shared lines"
#: Owner of the extensions that are made here.
REGISTRAR = "app_sla"


class SlaService:
    """All trunks and stations of a system; service ``shared lines``."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.trunks: dict[str, Trunk] = {}
        self.stations: dict[str, Station] = {}
        self.lines: dict[str, Line] = {}
        self._is_reload_due = False

    def load(self) -> None:
        """Read sla.conf; while a trunk is in use that waits for the end of the last call."""
        if any(not trunk.is_idle for trunk in self.trunks.values()):
            logger.notice("sla.conf is read again when no trunk is in use any more")
            self._is_reload_due = True
            return
        self._is_reload_due = False
        settings = read_sla(self.system.configuration.read("sla.conf"))
        self._remove_extensions()
        gone = list(self.lines)
        self.trunks = {name: Trunk(self.system, trunk) for name, trunk in settings.trunks.items()}
        self.stations = {}
        self.lines = {}
        for trunk in self.trunks.values():
            trunk.when_idle = self._is_idle
        for name, station_settings in settings.stations.items():
            station = self.stations[name] = Station(self.system, station_settings, tells_caller=settings.tells_caller)
            for line_settings in station_settings.lines:
                trunk = self.trunks[line_settings.trunk]
                line = Line(station, trunk, line_settings)
                station.lines.append(line)
                trunk.lines.append(line)
                self.lines[line.name] = line
        self._add_extensions()
        for name in {*gone, *self.lines}:
            self.system.device_states.changed(f"{DEVICE_PREFIX}:{name}")

    def _is_idle(self) -> None:
        if self._is_reload_due and all(trunk.is_idle for trunk in self.trunks.values()):
            self.load()

    def close(self) -> None:
        """Take the extensions back; calls on trunks end."""
        self._is_reload_due = False
        for trunk in self.trunks.values():
            if trunk.member is not None or trunk.answered is not None:
                channel = trunk.channel
                trunk.reset()
                if channel is not None:
                    channel.request_hangup()
        self._remove_extensions()

    def device_state(self, name: str) -> DeviceState:
        """The state of ``SLA:station_trunk``."""
        line = self.lines.get(name)
        return DeviceState.INVALID if line is None else DEVICE_STATE[line.state]

    # -- extensions -----------------------------------------------------------------------------------------------------------

    def _add_extensions(self) -> None:
        steps: list[Step] = []
        for name, trunk in self.trunks.items():
            if trunk.settings.autocontext:
                steps.append(Step(trunk.settings.autocontext, "s", 1, "SLATrunk", name, registrar=REGISTRAR))
        for name, station in self.stations.items():
            context = station.settings.autocontext
            if not context:
                continue
            steps.append(Step(context, name, 1, "SLAStation", name, registrar=REGISTRAR))
            for line in station.lines:
                steps.append(Step(context, line.name, 1, "SLAStation", line.name, registrar=REGISTRAR))
                steps.append(Step(context, line.name, HINT, f"{DEVICE_PREFIX}:{line.name}", registrar=REGISTRAR))
        for step in steps:
            try:
                self.system.plan.add_step(step)
            except PriorityInUse:
                logger.warning(f"sla.conf: {step.context},{step.extension} is in use already")

    def _remove_extensions(self) -> None:
        plan = self.system.plan
        for context in list(plan.contexts.values()):
            for extension in list(context.extensions):
                if any(step.registrar == REGISTRAR for step in extension.steps.values()):
                    plan.remove_steps(context.name, extension.name, any_caller=True, registrar=REGISTRAR)


def service_of(system: System) -> SlaService:
    """The service of a system whose module is loaded."""
    service = system.service(SERVICE, SlaService)
    assert service is not None
    return service
