"""Asterisk Gateway Interface (AGI)."""

from globstar.core.system import System
from globstar.modules.res.agi.apps import agi, eagi
from globstar.modules.res.agi.cli import agi_dump_html, agi_exec, agi_set_debug, agi_show_commands
from globstar.modules.res.agi.commands_call import (
    answer,
    asyncagi_break,
    channel_status,
    exec_,
    hangup,
    noop,
    set_autohangup,
    set_context,
    set_extension,
    set_music,
    set_priority,
)
from globstar.modules.res.agi.commands_data import (
    database_del,
    database_deltree,
    database_get,
    database_put,
    get_full_variable,
    get_variable,
    set_caller_id,
    set_variable,
    verbose,
)
from globstar.modules.res.agi.commands_say import (
    say_alpha,
    say_date,
    say_datetime,
    say_digits,
    say_number,
    say_phonetic,
    say_time,
)
from globstar.modules.res.agi.commands_sound import (
    control_stream_file,
    get_data,
    get_option,
    record_file,
    stream_file,
    wait_for_digit,
)
from globstar.modules.res.agi.commands_speech import (
    speech_activate_grammar,
    speech_create,
    speech_deactivate_grammar,
    speech_destroy,
    speech_load_grammar,
    speech_recognize,
    speech_set,
    speech_unload_grammar,
)
from globstar.modules.res.agi.commands_text import receive_char, receive_text, send_image, send_text, tdd_mode
from globstar.modules.res.agi.manager import (
    agi_action,
    agi_exec_end,
    agi_exec_start,
    async_agi_end,
    async_agi_exec,
    async_agi_start,
)
from globstar.modules.res.agi.service import SERVICE, AgiService

__all__ = [
    "agi",
    "agi_action",
    "agi_dump_html",
    "agi_exec",
    "agi_exec_end",
    "agi_exec_start",
    "agi_set_debug",
    "agi_show_commands",
    "answer",
    "async_agi_end",
    "async_agi_exec",
    "async_agi_start",
    "asyncagi_break",
    "channel_status",
    "control_stream_file",
    "database_del",
    "database_deltree",
    "database_get",
    "database_put",
    "eagi",
    "exec_",
    "get_data",
    "get_full_variable",
    "get_option",
    "get_variable",
    "hangup",
    "load",
    "noop",
    "receive_char",
    "receive_text",
    "record_file",
    "say_alpha",
    "say_date",
    "say_datetime",
    "say_digits",
    "say_number",
    "say_phonetic",
    "say_time",
    "send_image",
    "send_text",
    "set_autohangup",
    "set_caller_id",
    "set_context",
    "set_extension",
    "set_music",
    "set_priority",
    "set_variable",
    "speech_activate_grammar",
    "speech_create",
    "speech_deactivate_grammar",
    "speech_destroy",
    "speech_load_grammar",
    "speech_recognize",
    "speech_set",
    "speech_unload_grammar",
    "stream_file",
    "tdd_mode",
    "unload",
    "verbose",
    "wait_for_digit",
]


def load(system: System) -> None:
    """Offer the service ``agi``."""
    system.services[SERVICE] = AgiService()


def unload(system: System) -> None:
    """Take it back; queues end with their channels."""
    system.services.pop(SERVICE, None)
