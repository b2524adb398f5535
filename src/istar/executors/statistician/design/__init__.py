"""Which rows the statistician buys, in which order, and when it stops."""
