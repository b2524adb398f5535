"""Automated interpretability R&D: score white-box methods by the computation they save, search for better ones."""

__version__ = "0.1.0"
