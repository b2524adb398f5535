"""methods/library."""
