"""The actions of the core, one file per family, found by being here; a module offers its own."""
