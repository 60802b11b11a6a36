"""What the loader loads; nobody imports a module."""
