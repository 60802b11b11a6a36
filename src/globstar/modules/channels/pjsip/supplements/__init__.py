"""One file a feature: each holds a :class:`~globstar.modules.channels.pjsip.supplement.Supplement`, found by its being here."""
