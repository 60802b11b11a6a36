"""AgentLogin, AgentRequest and AGENT()."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone, ChannelState, SoftHangup
from globstar.core.frame import Control
from globstar.core.functions import FunctionError
from globstar.core.playback import play_all
from globstar.core.registry import application, function
from globstar.dialplan.arguments import argument, parse_options, split_arguments
from globstar.modules.apps.agent_pool.agent import Agent, Stage, Verdict
from globstar.modules.apps.agent_pool.pool import pool_of

logger = Logger("app_agent_pool")


@application("AgentLogin", syntax="AgentLogin(AgentId[,options])")
async def agent_login(channel: Channel, data: str) -> int:
    """Log an agent of agents.conf in on this channel, which then waits for calls from AgentRequest.

    Who it is must have been checked before. A call is announced by a beep; with ackcall the agent takes it by a code. The codes
    that it may press while it talks are those of CHANNEL(dtmf_features), what its phone shows while it waits is CONNECTEDLINE().
    AGENTACKCALL, AGENTACCEPTDTMF, AGENTAUTOLOGOFF and AGENTWRAPUPTIME count more than agents.conf. The device Agent:id shows
    whether the agent is free. The call ends with the login. Options:

    s: do not say that the login was successful.

    If the agent cannot log in the dialplan goes on, and AGENT_STATUS is INVALID (there is no such agent) or ALREADY_LOGGED_IN.
    """
    arguments = split_arguments(data)
    name = argument(arguments, 0)
    if not name:
        logger.warning("AgentLogin requires an AgentId")
        return -1
    options = parse_options(argument(arguments, 1), {"s": False}, lambda problem: logger.warning(f"AgentLogin: {problem}"))
    if channel.state is not ChannelState.UP:
        await channel.answer()
    agent = pool_of(channel.system).find(name)
    status = "INVALID" if agent is None or not agent.is_configured else "ALREADY_LOGGED_IN" if agent.session is not None else ""
    if agent is None or status:
        channel.set_variable("AGENT_STATUS", status)
        return 0
    if "s" not in options:
        await play_all(channel, ["agent-loginok"])
        if agent.session is not None:  # somebody else was faster
            channel.set_variable("AGENT_STATUS", "ALREADY_LOGGED_IN")
            return 0
    await agent.attend(channel)
    return -1


@application("AgentRequest", syntax="AgentRequest(AgentId)")
async def agent_request(channel: Channel, data: str) -> int:
    """Talk to an agent who is logged in.

    The caller hears ringing until the agent takes the call. When they have talked the call ends; if they cannot the dialplan
    goes on, and AGENT_STATUS says why: INVALID (there is no such agent), NOT_LOGGED_IN, BUSY (talks to somebody else),
    NOT_CONNECTED (did not take the call), ERROR (could not be told of it).
    """
    name = argument(split_arguments(data), 0)
    if not name:
        logger.warning("AgentRequest requires an AgentId")
        return -1
    status = await _request(channel, pool_of(channel.system).find(name))
    if status:
        channel.set_variable("AGENT_STATUS", status)
        return 0
    return 0 if channel.soft_hangup & SoftHangup.ASYNC_GOTO else -1


async def _request(channel: Channel, agent: Agent | None) -> str:
    """Ask the agent and talk; AGENT_STATUS where that came to nothing."""
    if agent is None:
        return "INVALID"
    session = agent.session
    if session is None or session.is_leaving:
        return "NOT_LOGGED_IN"
    if agent.stage is not Stage.READY:
        return "BUSY"
    offer = agent.offer(channel)
    if offer is None:
        return Verdict.ERROR.value
    channel.indicate(Control.RINGING)
    try:
        verdict = await channel.wait_for(offer.verdict)
    except BaseException:
        agent.withdraw(offer)
        raise
    finally:
        channel.stop_generator()
    if verdict is not Verdict.ACCEPTED:
        return str(verdict.value)
    try:
        await agent.talk(offer)
    except ChannelGone:
        return Verdict.NOT_CONNECTED.value
    return ""


_ITEMS = ("status", "name", "mohclass", "channel", "fullchannel")


@function("AGENT", syntax="AGENT(AgentId[:item])")
def agent_function(channel: Channel | None, args: str) -> str:
    """What is known of an agent.

    Items: status (LOGGEDIN or LOGGEDOUT; without an item, too), name, mohclass (the music while it waits), fullchannel (the
    channel of the login), channel (the same without its number).
    """
    if channel is None:
        raise FunctionError("a channel is needed")
    name, _, item = args.partition(":")
    item = item.strip().lower() or "status"
    if not name.strip():
        raise FunctionError("AGENT needs an AgentId")
    agent = pool_of(channel.system).find(name.strip())
    if agent is None:
        raise FunctionError(f"there is no agent '{name}'")
    if item not in _ITEMS:
        raise FunctionError(f"'{item}' is none of {', '.join(_ITEMS)}")
    session = agent.session
    if item == "status":
        return "LOGGEDIN" if session is not None else "LOGGEDOUT"
    if item == "name":
        return agent.options.fullname
    if item == "mohclass":
        return agent.options.musiconhold
    if session is None:
        return ""
    full = session.channel.name
    return full if item == "fullchannel" else full.rpartition("-")[0] or full
