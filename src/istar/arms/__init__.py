"""The two arms that are compared: where a method meets an executor."""
