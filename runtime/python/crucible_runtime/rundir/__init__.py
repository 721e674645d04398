"""The directory of a run, and what is written to it and to the terminal while a run lasts."""
