"""asterisk.conf: directories and options."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path


@dataclass(slots=True)
class Directories:
    """The ``[directories]`` of asterisk.conf; each is an absolute path."""

    astetcdir: str = "/etc/asterisk"
    astmoddir: str = "/usr/lib/globstar/modules"
    astvarlibdir: str = "/var/lib/globstar"
    astdbdir: str = "/var/lib/globstar"
    astcachedir: str = "/var/cache/globstar"
    astkeydir: str = "/var/lib/globstar"
    astdatadir: str = "/usr/share/globstar"
    astagidir: str = "/usr/share/globstar/agi-bin"
    astspooldir: str = "/var/spool/globstar"
    astrundir: str = "/var/run/globstar"
    astlogdir: str = "/var/log/globstar"
    astsbindir: str = "/usr/sbin"

    @classmethod
    def below(cls, root: Path) -> Directories:
        """All directories below one folder, for tests and the demo."""
        names = {
            "astetcdir": "etc", "astmoddir": "modules", "astvarlibdir": "lib", "astdbdir": "lib", "astcachedir": "cache",
            "astkeydir": "lib", "astdatadir": "data", "astagidir": "agi-bin", "astspooldir": "spool", "astrundir": "run",
            "astlogdir": "log", "astsbindir": "sbin",
        }  # fmt: skip
        return cls(**{name: str(root / folder) for name, folder in names.items()})

    def names(self) -> list[str]:
        """The option names, in asterisk.conf's order."""
        return [f.name for f in fields(self)]


@dataclass(slots=True)
class Options:
    """The ``[options]`` of asterisk.conf that the core itself uses."""

    systemname: str = ""
    entityid: str = ""
    verbose: int = 0
    debug: int = 0
    defaultlanguage: str = "en"
    languageprefix: bool = True
    live_dangerously: bool = False
    execincludes: bool = False
    maxcalls: int = 0
    maxload: float = 0.0
    minmemfree: int = 0
    maxfiles: int = 0
    autosystemname: bool = False
    transmit_silence: bool = False
    transcode_via_sln: bool = True
    cache_record_files: bool = False
    record_cache_dir: str = "/tmp"
    hideconnect: bool = False
    lockconfdir: bool = False
    stdexten: str = "gosub"
    rungroup: str = ""
    runuser: str = ""
    timestamp: bool = False
    nocolor: bool = False
    mindtmfduration: int = 80
    rtp_pt_dynamic: int = 35
    extra: dict[str, str] = field(default_factory=dict)
