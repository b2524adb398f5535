"""The grammar that embedded researchers share: words, sentences, and how new ones are drawn from known ones."""
