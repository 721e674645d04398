"""What stages, engines and environments are written against: the only thing that they know of a run and of each other."""
