"""The Asterisk Manager Interface: events and actions over TCP, TLS and HTTP."""
