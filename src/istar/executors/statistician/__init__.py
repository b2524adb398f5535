"""The statistician: a Bayesian executor over the table, at one fidelity or two."""
