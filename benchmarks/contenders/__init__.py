"""The contenders, Tally among them: how each is started as a process, called in it, and timed from outside."""
