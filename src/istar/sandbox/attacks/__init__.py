"""A short battery of attacks that `istar doctor` tries on the user's own machine; see `istar.sandbox.battery`."""
