"""What Asterisk has built into its core: always loaded, whatever modules.conf says."""
