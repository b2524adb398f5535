"""The jail: a worker process, its file system, filters, limits and tiers of isolation."""
