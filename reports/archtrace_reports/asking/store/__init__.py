"""Store: answers are kept with all the files that they came from, and are valid as long as these stay as they are."""
