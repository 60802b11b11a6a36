"""How the core's events are told to manager clients, one file per family; found by being here."""
