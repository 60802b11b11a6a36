"""Call completion: what is set for a channel (policies, timers), and how Dial reaches the service that completes calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System

#: Name of the service, and of the :class:`CompletionParameters` that count where a channel has none of its own.
SERVICE, DEFAULTS = "call completion", "call completion defaults"
_KEY = "call completion parameters"

AGENT_POLICIES = ("never", "generic", "native")
MONITOR_POLICIES = ("never", "generic", "native", "always")


@dataclass(frozen=True, slots=True)
class CompletionParameters:
    """The parameters of one party. Timers are seconds.

    The agent's ones say what the party gets as a caller, the monitor's ones what others get who call it.
    """

    cc_agent_policy: str = "never"
    cc_monitor_policy: str = "never"
    cc_offer_timer: int = 20
    ccnr_available_timer: int = 7200
    ccbs_available_timer: int = 4800
    cc_recall_timer: int = 20
    cc_max_agents: int = 5
    cc_max_monitors: int = 5
    #: who is called back instead of the caller's device
    cc_agent_dialstring: str = ""
    #: subroutine that the caller runs when it is called back
    cc_callback_sub: str = ""

    @property
    def is_offered(self) -> bool:
        """Whether the party may ask for the completion of its calls."""
        return self.cc_agent_policy == "generic"

    @property
    def is_monitored(self) -> bool:
        """Whether others may ask to be called back when the party is free."""
        return self.cc_monitor_policy in ("generic", "always")


def _choice(words: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        word = text.strip().lower()
        if word not in words:
            raise ValueError(f"'{text}' is none of {', '.join(words)}")
        return word

    return read


def _seconds(text: str) -> int:
    number = text.strip()
    if not number.isdecimal() or len(number) > 9 or not int(number):
        raise ValueError(f"'{text}' is no number of at least 1")
    return int(number)


_READERS: dict[str, Callable[[str], object]] = {
    "cc_agent_policy": _choice(AGENT_POLICIES),
    "cc_monitor_policy": _choice(MONITOR_POLICIES),
    "cc_offer_timer": _seconds,
    "ccnr_available_timer": _seconds,
    "ccbs_available_timer": _seconds,
    "cc_recall_timer": _seconds,
    "cc_max_agents": _seconds,
    "cc_max_monitors": _seconds,
    "cc_agent_dialstring": str.strip,
    "cc_callback_sub": str.strip,
}
#: The names of the parameters.
NAMES = tuple(_READERS)


def changed(parameters: CompletionParameters, name: str, text: str) -> CompletionParameters:
    """The parameters with another value of one of :data:`NAMES`. Raises ValueError with the reason, KeyError for a wrong name."""
    return replace(parameters, **{name: _READERS[name](text)})  # type: ignore[arg-type]


def defaults_of(system: System) -> CompletionParameters:
    """What counts for channels that say nothing."""
    defaults = system.services.get(DEFAULTS)
    return defaults if isinstance(defaults, CompletionParameters) else _BUILT_IN


_BUILT_IN = CompletionParameters()


def parameters_of(channel: Channel) -> CompletionParameters:
    """The parameters of a channel."""
    own: CompletionParameters | None = channel.data.get(_KEY)
    return own if own is not None else defaults_of(channel.system)


def set_parameters(channel: Channel, parameters: CompletionParameters) -> None:
    """Give a channel parameters of its own."""
    channel.data[_KEY] = parameters


class CompletionWatch(Protocol):
    """What Dial tells of one call whose completion may be asked for."""

    def selects(self, dial_string: str) -> bool:
        """Whether a destination is called: all, but when a call is completed only those who have become free."""

    def rings(self, callee: Channel, dial_string: str) -> None:
        """Somebody's phone rings."""

    def is_busy(self, callee: Channel, dial_string: str) -> None:
        """Somebody is busy."""

    def is_answered(self) -> None:
        """Somebody took the call: there is nothing to complete any more."""


@runtime_checkable
class CallCompletion(Protocol):
    """Service ``call completion``."""

    def watch(self, caller: Channel) -> CompletionWatch | None:
        """Dial begins on a channel; None where nobody needs to know how it goes on."""
