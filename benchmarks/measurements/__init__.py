"""The measurements of `make bench`, a module for each table or two of `RESULTS.md`, and how many rounds each takes."""
