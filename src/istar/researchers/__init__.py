"""researchers."""
