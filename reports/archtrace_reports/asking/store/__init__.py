"""Store: what was answered is kept, with all that it came from, and holds for as long as that stays as it is."""
