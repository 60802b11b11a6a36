"""The pool of agents: who is logged in, who is free, and giving calls to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from globstar.core.bridge import Bridge
from globstar.core.bridgetech import BridgeCapability
from globstar.core.devicestate import DeviceState
from globstar.modules.apps.agent_pool.agent import Agent, Stage
from globstar.modules.apps.agent_pool.settings import read_agents

if TYPE_CHECKING:
    from globstar.core.system import System

SERVICE = "agents"
DEVICE_PREFIX = "Agent"

_DEVICE_STATE = {
    Stage.LOGGED_OFF: DeviceState.UNAVAILABLE,
    Stage.READY: DeviceState.NOT_INUSE,
    Stage.ALERTED: DeviceState.INUSE,
    Stage.ON_CALL: DeviceState.INUSE,
    Stage.WRAPPING_UP: DeviceState.INUSE,
}


class AgentPool:
    """All agents of one system; service ``agents``."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.agents: dict[str, Agent] = {}
        self._holding: Bridge | None = None

    def load(self) -> None:
        """Read agents.conf. Raises ``ConfigError`` and changes nothing if it is broken.

        Who is logged in and not there any more stays until the logoff; changed options count from the next login or the end
        of the present call on.
        """
        found = read_agents(self.system.configuration.read("agents.conf"))
        for name, options in found.items():
            agent = self.agents.get(name)
            if agent is None:
                self.agents[name] = Agent(self, name, options)
            else:
                agent.options, agent.is_configured = options, True
        for name in [name for name in self.agents if name not in found]:
            self.agents[name].is_configured = False
            self.forget(self.agents[name])
        for name in {*found, *self.agents}:
            self.changed(name)

    def forget(self, agent: Agent) -> None:
        """Drop an agent who is not configured any more, unless it is logged in."""
        if not agent.is_configured and agent.stage is Stage.LOGGED_OFF:
            self.agents.pop(agent.name, None)
            self.changed(agent.name)

    def find(self, name: str) -> Agent | None:
        """The agent of that id."""
        return self.agents.get(name)

    def __iter__(self) -> Iterator[Agent]:
        return iter([agent for _, agent in sorted(self.agents.items())])

    def device_state(self, name: str) -> DeviceState:
        """The state of the device ``Agent:name``."""
        agent = self.agents.get(name)
        return DeviceState.INVALID if agent is None else _DEVICE_STATE[agent.stage]

    def changed(self, name: str) -> None:
        """The state of an agent may have changed."""
        self.system.device_states.changed(f"{DEVICE_PREFIX}:{name}")

    @property
    def holding(self) -> Bridge:
        """Where agents wait; made for the first of them."""
        if self._holding is None or self._holding.is_dissolved:
            self._holding = Bridge(
                self.system, capabilities=BridgeCapability.HOLDING, kind="holding", creator="AgentPool",
                dissolve_on_hangup=False,
            )  # fmt: skip
        return self._holding

    def close(self) -> None:
        """Log everybody off."""
        for agent in self:
            agent.log_off()


def pool_of(system: System) -> AgentPool:
    """The pool of a system whose module is loaded."""
    pool = system.service(SERVICE, AgentPool)
    assert pool is not None
    return pool
