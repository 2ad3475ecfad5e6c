"""Whole periods of the credit log as one file: the jobs, the writer and the finished files."""
