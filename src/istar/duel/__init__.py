"""Two players: what red's moves are, what blue is asked about them, and how the game between them is judged."""
