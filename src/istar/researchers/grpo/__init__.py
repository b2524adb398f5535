"""A language model that writes sentences of the grammar and learns on its weights from their rewards."""
