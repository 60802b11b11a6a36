"""agents.conf: the agents and how calls are given to them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from globstar.base.log import Logger
from globstar.config import ConfigFile
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, integer, is_true, string

logger = Logger("app_agent_pool")

#: Sections that are no agents. ``[agents]`` was the one section of old files.
_OTHER_SECTIONS = ("general", "global", "agents")


class AgentOptions(Options):
    """The section of one agent."""

    ackcall = option(boolean, False, help="The agent presses a code to take a call.")
    acceptdtmf: str = option(string, "#", help="That code.")
    autologoff = option(integer(0), 0, unit="s", help="Log off who does not take a call for so long; 0: never.")
    wrapuptime = option(integer(0), 0, unit="ms", help="How long after a call no other one comes.")
    musiconhold: str = option(string, "default", help="Music while the agent waits.", aliases=("moh",))
    recordagentcalls = option(boolean, False, help="Record every call, as the code automixmon does.")
    custom_beep: str = option(string, "beep", help="Sound that announces a call.")
    fullname: str = option(string, "", help="The agent's name.")


@dataclass(frozen=True, slots=True)
class AgentTerms:
    """What is in force for one agent from its login, or the end of a call, on. Times are seconds."""

    must_accept: bool
    accept_code: str
    auto_logoff: float
    wrap_up: float


_DIGITS = frozenset("0123456789*#ABCD")


def terms_of(options: AgentOptions, given: dict[str, str]) -> AgentTerms:
    """The terms of an agent; ``given`` holds the AGENT variables of its channel at the login, which count more."""
    terms = AgentTerms(options.ackcall, options.acceptdtmf, float(options.autologoff), options.wrapuptime / 1000)
    if given.get("AGENTACKCALL"):
        terms = replace(terms, must_accept=is_true(given["AGENTACKCALL"]))
    code = given.get("AGENTACCEPTDTMF", "").upper()
    if code and set(code) <= _DIGITS:
        terms = replace(terms, accept_code=code)
    elif code:
        logger.warning(f"AGENTACCEPTDTMF: '{code}' is no digit code")
    auto_logoff, wrap_up = _number("AGENTAUTOLOGOFF", given), _number("AGENTWRAPUPTIME", given)
    if auto_logoff is not None:
        terms = replace(terms, auto_logoff=float(auto_logoff))
    if wrap_up is not None:
        terms = replace(terms, wrap_up=wrap_up / 1000)
    return terms


def _number(name: str, given: dict[str, str]) -> int | None:
    text = given.get(name, "").strip()
    if text.isdecimal() and len(text) < 10:
        return int(text)
    if text:
        logger.warning(f"{name}: '{text}' is no time")
    return None


def read_agents(config: ConfigFile | None) -> dict[str, AgentOptions]:
    """The agents by id; what cannot be used is logged by file and line."""
    report = Report()
    agents: dict[str, AgentOptions] = {}
    for category in config or ():
        if category.name.lower() in _OTHER_SECTIONS:
            for variable in category:
                report(variable, f"'{variable.name}' of [{category.name}] has no effect: each agent has a section of its own")
            continue
        options = AgentOptions.read(category, report)
        code = options.acceptdtmf.upper()
        if not code or not set(code) <= _DIGITS:
            logger.warning(f"{category.file}:{category.line}: acceptdtmf of agent {category.name} is no digit code, # is taken")
            code = "#"
        options.acceptdtmf = code
        agents[category.name] = options
    for warning in report.warnings:
        logger.log(warning.level, str(warning))
    return agents
