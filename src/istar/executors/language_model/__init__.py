"""The executor that asks a language model: an agent with tools, which answers one question under a FLOP budget."""
