"""asterisk.conf: directories and options; modules.conf: what to load."""

from __future__ import annotations

from pathlib import Path

from globstar.base.log import Logger
from globstar.config.errors import ConfigFileMissing
from globstar.config.options import Options as ConfigOptions
from globstar.config.options import Report, did_you_mean, option
from globstar.config.reader import read_config
from globstar.config.source import ConfigSource
from globstar.config.values import boolean, enumeration, floating, integer, string
from globstar.core.loader import ModulesConfig
from globstar.core.logformat import Palette

logger = Logger("asterisk")


def _verbosity(text: str) -> int:
    """Asterisk takes a number or yes/no."""
    return int(text) if text.strip().isdigit() else int(boolean(text))


class Directories(ConfigOptions):
    """The ``[directories]`` of asterisk.conf; each is an absolute path."""

    astetcdir: str = option(string, "/etc/asterisk", reload=False, help="Configuration files.")
    astmoddir: str = option(string, "/usr/lib/globstar/modules", reload=False, help="The user's own modules (*.py).")
    astvarlibdir: str = option(string, "/var/lib/globstar", reload=False, help="Data that the server keeps.")
    astdbdir: str = option(string, "/var/lib/globstar", reload=False, help="The AstDB (astdb.sqlite3).")
    astcachedir: str = option(string, "/var/cache/globstar", reload=False, help="Data that can be made again.")
    astkeydir: str = option(string, "/var/lib/globstar", reload=False, help="Keys.")
    astdatadir: str = option(string, "/usr/share/globstar", reload=False, help="Sounds, music, phone provisioning.")
    astagidir: str = option(string, "/usr/share/globstar/agi-bin", reload=False, help="AGI scripts.")
    astspooldir: str = option(string, "/var/spool/globstar", reload=False, help="Voicemail, recordings, call files.")
    astrundir: str = option(string, "/var/run/globstar", reload=False, help="Process id and control socket.")
    astlogdir: str = option(string, "/var/log/globstar", reload=False, help="Log files and call records.")
    astsbindir: str = option(string, "/usr/sbin", reload=False, help="Programs.")

    @classmethod
    def below(cls, root: Path) -> Directories:
        """All directories below one folder, for tests."""
        folders = {
            "astetcdir": "etc",
            "astmoddir": "modules",
            "astvarlibdir": "lib",
            "astdbdir": "lib",
            "astcachedir": "cache",
            "astkeydir": "lib",
            "astdatadir": "data",
            "astagidir": "agi-bin",
            "astspooldir": "spool",
            "astrundir": "run",
            "astlogdir": "log",
            "astsbindir": "sbin",
        }
        return cls(**{name: str(root / folder) for name, folder in folders.items()})


class Options(ConfigOptions):
    """The ``[options]`` of asterisk.conf."""

    systemname: str = option(string, "", reload=False, help="Put in front of unique ids.")
    autosystemname = option(boolean, False, reload=False, help="Use the host's name as system name.")
    entityid: str = option(string, "", reload=False, help="Entity id instead of the network interface's address.")
    verbose = option(_verbosity, 0, help="Verbosity at the start.")
    debug = option(_verbosity, 0, help="Debug level at the start.")
    nofork = option(boolean, False, reload=False, help="Stay in the foreground (-f).")
    alwaysfork = option(boolean, False, reload=False, help="Go to the background even with -v or -d (-F).")
    console = option(boolean, False, reload=False, help="Run with a console (-c).")
    quiet = option(boolean, False, reload=False, help="Print nothing at the start (-q).")
    timestamp = option(boolean, False, help="Time stamps on the console (-T).")
    nocolor = option(boolean, False, help="No colours on the console (-n).")
    forceblackbackground = option(boolean, False, reload=False, help="Colours of the console on black, whatever it is (-B).")
    lightbackground = option(boolean, False, reload=False, help="Colours that can be read on a light background (-W).")
    hideconnect = option(boolean, False, help="Do not log remote consoles that come and go.")
    execincludes = option(boolean, False, reload=False, help="Allow #exec in configuration files (-X).")
    defaultlanguage: str = option(string, "en", reload=False, help="Language of channels that say nothing else.")
    languageprefix = option(boolean, True, help="Language is a folder in front of the sound's path.")
    maxcalls = option(integer(0), 0, help="Most calls at a time; 0: no limit (-M).")
    maxload = option(floating(0), 0.0, help="Refuse calls above this load average; 0: never (-L).")
    maxfiles = option(integer(0), 0, reload=False, help="Most open files; 0: as the system has it.")
    minmemfree = option(integer(0), 0, unit="MB", help="Refuse calls with less free memory (-e).")
    cache_record_files = option(boolean, False, help="Record into record_cache_dir first.")
    record_cache_dir: str = option(string, "/tmp", help="Where recordings are cached.")
    transmit_silence = option(
        boolean, False, aliases=("transmit_silence_during_record",), help="Send silence to who waits or is recorded."
    )
    runuser: str = option(string, "", reload=False, help="Run as this user (-U).")
    rungroup: str = option(string, "", reload=False, help="Run as this group (-G).")
    lockconfdir = option(boolean, False, help="Lock the configuration folder while writing to it.")
    lockmode: str = option(enumeration("lockfile", "flock"), "lockfile", help="How lockconfdir locks.")
    live_dangerously = option(boolean, False, help="Let AMI and others use functions that reach outside.")
    testevents = option(boolean, False, reload=False, help="Tell test systems of the states of applications (AMI TestEvent).")
    mindtmfduration = option(integer(0), 80, unit="ms", help="Shortest digit.")
    rtp_pt_dynamic = option(integer(35, 96), 35, help="First RTP payload number below 64 to use when 96 to 127 are used up.")
    sounds_search_custom_dir = option(boolean, False, help="Look for sounds in a custom folder first.")
    hide_messaging_ami_events = option(boolean, False, help="No AMI events of Message channels.")
    dumpcore = option(boolean, False, reload=False, help="Leave a core file after a crash (-g).")
    highpriority = option(boolean, False, reload=False, help="Run with real-time priority (-p).")
    disable_remote_console_shell = option(boolean, False, help="No ! commands on remote consoles.")

    def palette(self, *, is_coloured: bool) -> Palette:
        """The colours of a console that can show some, or not."""
        if not is_coloured:
            return Palette.NONE
        return Palette.LIGHT if self.lightbackground else Palette.BLACK if self.forceblackbackground else Palette.DARK


class Files(ConfigOptions):
    """The ``[files]`` of asterisk.conf: the control socket."""

    astctl: str = option(string, "asterisk.ctl", reload=False, help="Name of the control socket.")
    astctlpermissions: str = option(string, "0660", reload=False, help="Its permissions, octal.")
    astctlowner: str = option(string, "", reload=False, help="Its owner.")
    astctlgroup: str = option(string, "", reload=False, help="Its group.")


#: Options that are accepted and said to have no effect, with the reason.
_WITHOUT_EFFECT = {
    "cache_media_frames": "frames are not kept for later use",
    "cache_pools": "memory is not pooled",
    "channel_storage_backend": "there is one store of channels",
    "documentation_language": "help is in English",
    "dontwarn": "there are no warnings of that kind",
    "initcrypto": "keys with a passphrase cannot be used",
    "internal_timing": "timing is always internal",
    "refdebug": "there are no reference counts to log; see 'core show objects'",
    "rtp_use_dynamic": "payload numbers belong to each call, and are the usual ones where those are free",
    "stdexten": "there is no users.conf",
    "trace": "there is no trace of the program's own functions; see 'core set debug'",
    "transcode_via_sln": "the cheapest way between two codecs is always taken",
}


def read_settings(
    source: ConfigSource, name: str = "asterisk.conf", *, is_told: bool = True
) -> tuple[Directories, Options, Files]:
    """Read asterisk.conf; defaults where there is none. A broken file raises ``ConfigError``.

    Warnings are logged, unless ``is_told`` is false: the clients of a server leave that to it.
    """
    try:
        config = read_config(name, source)
    except ConfigFileMissing:
        return Directories(), Options(), Files()
    report = Report()
    directories, options, files = Directories(), Options(), Files()
    for category in config.categories:
        match category.name.lower():
            case "directories":
                directories = Directories.read(category, report)
            case "options":
                options = Options.read(category, report, ignore=frozenset(_WITHOUT_EFFECT))
                for variable in category:
                    if variable.name.lower() in _WITHOUT_EFFECT:
                        reason = _WITHOUT_EFFECT[variable.name.lower()]
                        report(variable, f"option '{variable.name}' has no effect: {reason}")
            case "files":
                files = Files.read(category, report)
            case "compat":
                continue
            case _:
                if is_told:
                    near = did_you_mean(category.name, ("directories", "options", "files"))
                    logger.warning(f"{name}: section [{category.name}] is unknown{near}")
    for warning in [*config.warnings, *report.warnings] if is_told else ():
        logger.log(warning.level, str(warning))
    return directories, options, files


def read_modules_config(source: ConfigSource) -> ModulesConfig:
    """Read modules.conf; without one everything is loaded."""
    modules = ModulesConfig()
    try:
        config = read_config("modules.conf", source)
    except ConfigFileMissing:
        return modules
    lists = {
        "preload": modules.preload,
        "load": modules.load,
        "require": modules.require,
        "preload-require": modules.preload_require,
        "noload": modules.noload,
    }
    modules.autoload = False
    for category in config.categories_named("modules"):
        for variable in category:
            key = variable.name.lower()
            if key == "autoload":
                modules.autoload = boolean(variable.value)
            elif key in lists:
                lists[key].append(variable.value)
            else:
                near = did_you_mean(key, (*lists, "autoload"))
                logger.warning(f"{variable.file}:{variable.line}: unknown option '{variable.name}'{near}")
    for warning in config.warnings:
        logger.log(warning.level, str(warning))
    return modules
