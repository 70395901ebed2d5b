"""Laws that must hold for every input."""
