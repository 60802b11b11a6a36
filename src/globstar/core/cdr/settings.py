"""The ``[general]`` section of cdr.conf."""

from __future__ import annotations

from globstar.config.options import Options, option
from globstar.config.values import boolean, integer


class CdrSettings(Options):
    """How call detail records are made and handed to the backends."""

    enable = option(boolean, True, help="Make call detail records at all.")
    debug = option(boolean, False, help="Log what happens to the records at verbose level 1.")
    channeldefaultenabled = option(boolean, True, help="Record channels for which CDR_PROP(disable) says nothing.")
    ignorestatechanges = option(boolean, False, help="Bridges change nothing in the records.")
    ignoredialchanges = option(boolean, False, help="Dialling changes nothing in the records.")
    unanswered = option(boolean, False, help="Also record unanswered calls without a called channel.")
    congestion = option(boolean, False, help="Record congestion as CONGESTION instead of FAILED.")
    endbeforehexten = option(boolean, True, help="End records before the h extension and hangup handlers run.")
    initiatedseconds = option(boolean, False, help="Round billed seconds up instead of down.")
    canceldispositionenabled = option(boolean, False, help="Record calls that the caller gave up as CANCEL.")
    batch = option(boolean, False, help="Hand records to the backends in batches.")
    size = option(integer(1), 100, unit="records", help="Most records in a batch.")
    time = option(integer(1), 300, unit="s", help="Longest time that a record waits in a batch.")
    scheduleronly = option(boolean, False, help="Accepted; batches never block calls.")
    safeshutdown = option(boolean, True, help="Hand over the waiting batch before the server ends.")
