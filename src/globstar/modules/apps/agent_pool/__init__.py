"""Call center agent pool applications."""

from globstar.core.system import System
from globstar.modules.apps.agent_pool.apps import agent_function, agent_login, agent_request
from globstar.modules.apps.agent_pool.commands import (
    agent_logoff_action,
    agents_action,
    logoff,
    show_agent,
    show_all,
    show_online,
)
from globstar.modules.apps.agent_pool.events import agent_login_event, agent_logoff_event
from globstar.modules.apps.agent_pool.pool import DEVICE_PREFIX, SERVICE, AgentPool

__all__ = [
    "agent_function",
    "agent_login",
    "agent_login_event",
    "agent_logoff_action",
    "agent_logoff_event",
    "agent_request",
    "agents_action",
    "load",
    "logoff",
    "reload",
    "show_agent",
    "show_all",
    "show_online",
    "unload",
]


def load(system: System) -> None:
    """Read agents.conf and offer the service ``agents``."""
    pool = AgentPool(system)
    system.device_states.add_provider(DEVICE_PREFIX, pool.device_state)
    pool.load()
    system.services[SERVICE] = pool


def reload(system: System) -> None:
    """Read agents.conf again; logins go on."""
    pool = system.service(SERVICE, AgentPool)
    if pool is not None:
        pool.load()


def unload(system: System) -> None:
    """Log everybody off and take the service back."""
    pool = system.service(SERVICE, AgentPool)
    if pool is not None:
        pool.close()
    system.device_states.remove_provider(DEVICE_PREFIX)
    system.services.pop(SERVICE, None)
