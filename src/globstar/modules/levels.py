"""Support levels of Asterisk's modules, as ``module show`` tells them; what stands in none of these lists is ``core``."""

from __future__ import annotations

EXTENDED = frozenset(
    {
        "app_alarmreceiver", "app_amd", "app_attended_transfer", "app_audiosocket", "app_blind_transfer",
        "app_broadcast", "app_chanisavail", "app_dictate", "app_dtmfstore", "app_externalivr", "app_festival",
        "app_if", "app_ivrdemo", "app_jack", "app_mf", "app_minivm", "app_morsecode", "app_mp3", "app_reload",
        "app_saycounted", "app_sf", "app_signal", "app_sla", "app_sms", "app_stasis_broadcast", "app_statsd",
        "app_test", "app_waitforcond", "app_waitforring", "app_waitforsilence", "app_zapateller", "cdr_beanstalkd",
        "cdr_csv", "cdr_odbc", "cdr_pgsql", "cdr_radius", "cdr_sqlite3_custom", "cdr_tds", "cel_beanstalkd",
        "cel_pgsql", "cel_radius", "cel_sqlite3_custom", "cel_tds", "chan_audiosocket", "chan_console", "chan_mobile",
        "chan_ooh323", "chan_unistim", "format_mp3", "format_ogg_speex", "format_vox", "func_evalexten",
        "func_export", "func_frame_drop", "func_frame_trace", "func_json", "func_pitchshift", "func_sayfiles",
        "func_scramble", "func_uuid", "pbx_ael", "pbx_dundi", "pbx_lua", "pbx_realtime", "res_ael_share",
        "res_audiosocket", "res_calendar", "res_calendar_caldav", "res_calendar_ews", "res_calendar_exchange",
        "res_calendar_icalendar", "res_chan_stats", "res_cliexec", "res_config_ldap", "res_config_mysql",
        "res_config_pgsql", "res_corosync", "res_endpoint_stats", "res_fax_spandsp", "res_hep", "res_hep_pjsip",
        "res_hep_rtcp", "res_phoneprov", "res_pjsip_aoc", "res_pjsip_history", "res_pjsip_maintenance",
        "res_pjsip_phoneprov_provider", "res_prometheus", "res_remb_modifier", "res_smdi", "res_snmp",
        "res_stasis_broadcast", "res_statsd", "res_timing_kqueue", "res_timing_pthread", "res_tonedetect",
        "test_codec_translations", "test_res_prometheus",
    }
)  # fmt: skip
DEPRECATED = frozenset({"app_adsiprog", "app_getcpeid", "app_meetme", "res_adsi"})


def level_of(module: str) -> str:
    """``core``, ``extended`` or ``deprecated``."""
    return "extended" if module in EXTENDED else "deprecated" if module in DEPRECATED else "core"
