"""The ``[general]`` section of cel.conf."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.options import Options, handles, option
from globstar.config.values import boolean, listing, string
from globstar.core.cel.event import KINDS

logger = Logger("cel")


class CelSettings(Options):
    """Which events of channels are logged, and how times look."""

    enable = option(boolean, False, help="Log events of channels at all.")
    dateformat = option(string, "", help="strftime format of times; seconds since 1970 with six digits if empty.")
    apps = option(listing(str.lower), (), repeat="extend", help="Applications of APP_START and APP_END.")
    #: the kinds of ``events``, and whether it says ALL
    kinds: frozenset[str] = frozenset()
    tracks_all = False

    @handles("events", help="Kinds of events, apart by commas; ALL for every one.")
    def _events(self, text: str) -> None:
        for word in text.split(","):
            name = word.strip().upper()
            if name == "ALL":
                self.kinds, self.tracks_all = frozenset(KINDS), True
            elif name in KINDS:
                self.kinds |= {name}
            elif name:
                raise ValueError(f"there is no event '{name}'")

    def tracks_application(self, name: str) -> bool:
        """Whether APP_START and APP_END tell of an application; each is named, there is no word for all."""
        return name.lower() in self.apps
