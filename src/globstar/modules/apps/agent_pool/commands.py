"""agent ... of the CLI, and the manager's actions."""

from __future__ import annotations

from collections.abc import Iterable

from globstar.config.values import is_true
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText, records
from globstar.core.devicestate import DEVICE_STATE_TEXT
from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    ListItem,
    Permission,
    channel_fields,
    listing,
    manager_action,
    success,
)
from globstar.core.system import System
from globstar.modules.apps.agent_pool.agent import Agent, Stage
from globstar.modules.apps.agent_pool.pool import pool_of

_LINE = "{:<8} {:<20} {:<11} {:<30} {}"


def _names(system: System, args: list[str]) -> list[str]:
    return [agent.name for agent in pool_of(system)] if len(args) == 1 else []


def _online(system: System, args: list[str]) -> list[str]:
    if len(args) == 1:
        return [agent.name for agent in pool_of(system) if agent.session is not None]
    return ["soft"] if len(args) == 2 else []


def _find(system: System, name: str) -> Agent:
    agent = pool_of(system).find(name)
    if agent is None:
        raise CliFailure(f"Agent '{name}' not found")
    return agent


def _state(agent: Agent) -> str:
    return DEVICE_STATE_TEXT[agent.pool.device_state(agent.name)]


def _partner(agent: Agent) -> str:
    session = agent.session
    if session is None or agent.stage is not Stage.ON_CALL:
        return ""
    return session.channel.get_variable("BRIDGEPEER") or ""


_HEADS = ("Agent-ID", "Name", "State", "Channel", "Talking with")


def _table(agents: Iterable[Agent], end: str) -> CliText:
    rows = []
    for agent in agents:
        channel = agent.session.channel.name if agent.session is not None else ""
        rows.append((agent.name, agent.options.fullname, _state(agent), channel, _partner(agent)))
    lines = [_LINE.format(*row).rstrip() for row in (_HEADS, *rows)]
    return CliText("\n".join([*lines, "", end]), records(_HEADS, rows))


def _counts(agents: list[Agent]) -> tuple[int, int]:
    return sum(agent.session is not None for agent in agents), sum(agent.stage is Stage.ON_CALL for agent in agents)


@cli_command("agent show all")
def show_all(system: System, args: list[str]) -> str:
    """List all agents."""
    if args:
        raise CliUsage
    agents = list(pool_of(system))
    online, talking = _counts(agents)
    return _table(agents, f"Defined agents: {len(agents)}, Logged in: {online}, Talking: {talking}")


@cli_command("agent show online")
def show_online(system: System, args: list[str]) -> str:
    """List the agents who are logged in."""
    if args:
        raise CliUsage
    agents = [agent for agent in pool_of(system) if agent.session is not None]
    online, talking = _counts(agents)
    return _table(agents, f"Logged in agents: {online}, Talking: {talking}")


@cli_command("agent show", usage="agent show <agent-id>", complete=_names)
def show_agent(system: System, args: list[str]) -> str:
    """Show the options and the state of one agent."""
    if len(args) != 1:
        raise CliUsage
    agent = _find(system, args[0])
    options, session = agent.options, agent.session
    lines = [
        f"Id: {agent.name}",
        f"Name: {options.fullname}",
        f"Beep: {options.custom_beep}",
        f"MOH: {options.musiconhold}",
        f"RecordCalls: {'Yes' if options.recordagentcalls else 'No'}",
        f"State: {_state(agent)}",
    ]
    if session is not None:
        terms = session.terms
        lines += [
            f"LoggedInChannel: {session.channel.name}",
            f"LoggedInTime: {int(session.logged_in_at)}",
            f"AckCall: {'Yes, ' + terms.accept_code if terms.must_accept else 'No'}",
            f"AutoLogoff: {terms.auto_logoff:g} s",
            f"WrapUpTime: {round(terms.wrap_up * 1000)} ms",
        ]
        if agent.stage is Stage.ON_CALL:
            lines += [f"TalkingWith: {_partner(agent)}", f"CallStarted: {int(session.call_started_at)}"]
    return "\n".join(lines)


@cli_command("agent logoff", usage="agent logoff <agent-id> [soft]", complete=_online)
def logoff(system: System, args: list[str]) -> str:
    """Log an agent off.

    A call that the agent has ends with it; with ``soft`` the agent is logged off when that call is over.
    """
    if len(args) not in (1, 2) or (len(args) == 2 and args[1].lower() != "soft"):
        raise CliUsage
    if not _find(system, args[0]).log_off(is_soft=len(args) == 2):
        return f"Agent {args[0]} is not logged in"
    return f"Logging out {args[0]}"


@manager_action("Agents", Permission.AGENT, synopsis="Lists agents and their status.")
def agents_action(request: ActionRequest) -> Answer:
    """List the agents with their status."""
    items = [ListItem("Agents", _fields(agent), id_last=True) for agent in pool_of(request.system)]
    return listing("Agents will follow", "AgentsComplete", items)


def _fields(agent: Agent) -> list[tuple[str, str | None]]:
    session = agent.session
    is_talking = agent.stage is Stage.ON_CALL
    status = "AGENT_LOGGEDOFF" if session is None else "AGENT_ONCALL" if is_talking else "AGENT_IDLE"
    fields: list[tuple[str, str | None]] = [("Agent", agent.name), ("Name", agent.options.fullname), ("Status", status)]
    if session is not None:
        if is_talking:
            fields += [("TalkingToChan", _partner(agent)), ("CallStarted", str(int(session.call_started_at)))]
        fields += [("LoggedInTime", str(int(session.logged_in_at))), *channel_fields(session.channel)]
    return fields


@manager_action("AgentLogoff", Permission.AGENT, synopsis="Sets an agent as no longer logged in.")
def agent_logoff_action(request: ActionRequest) -> Answer:
    """Log an agent off; with ``Soft: true`` when its call is over."""
    name = request.get("Agent")
    if not name:
        raise ActionFault("No agent specified")
    agent = pool_of(request.system).find(name)
    if agent is None:
        raise ActionFault("Agent not found")
    if not agent.log_off(is_soft=is_true(request.get("Soft"))):
        raise ActionFault("Agent is not logged in")
    return success("Agent logged out")
