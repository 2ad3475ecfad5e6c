"""How fast Tally is, beside its peers: `make bench` measures everything in one go and writes `RESULTS.md`.

Answers are compared before anything is timed; rounds are interleaved, so that a slow minute of the machine hits all
alike; what counts is a ratio to the textbook, measured in the same run.
"""
