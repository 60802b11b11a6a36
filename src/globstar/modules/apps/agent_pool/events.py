"""What the pool tells the bus, and how manager clients hear it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from globstar.core.channel import Channel
from globstar.core.manager import ManagerEvent, Permission, channel_fields, manager_event


@dataclass(slots=True)
class AgentLoggedIn:
    """An agent logged in on a channel (AMI AgentLogin)."""

    channel: Channel
    agent: str


@dataclass(slots=True)
class AgentLoggedOff:
    """An agent is logged in no more (AMI AgentLogoff); it was for ``seconds``."""

    channel: Channel
    agent: str
    seconds: int


@manager_event(AgentLoggedIn)
def agent_login_event(event: AgentLoggedIn) -> Iterator[ManagerEvent]:
    yield ManagerEvent("AgentLogin", Permission.AGENT, [*channel_fields(event.channel), ("Agent", event.agent)])


@manager_event(AgentLoggedOff)
def agent_logoff_event(event: AgentLoggedOff) -> Iterator[ManagerEvent]:
    fields = [*channel_fields(event.channel), ("Agent", event.agent), ("Logintime", str(event.seconds))]
    yield ManagerEvent("AgentLogoff", Permission.AGENT, fields)
