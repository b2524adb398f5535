"""What questions are made of: words, places, reviews and scripture, from packages whose licences allow it."""
