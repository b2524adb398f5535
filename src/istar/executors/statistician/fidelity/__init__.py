"""What a method's channels are worth: the low-fidelity observations of a table, and how far they are believed."""
