"""What a server says, typed: answers and how they were chosen, scores, the catalogue, and how each is shown."""
