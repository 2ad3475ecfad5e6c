"""How fast Tally is beside its peers: `make bench` measures everything in one run and writes `RESULTS.md`.

Answers are compared before anything is timed. Rounds are interleaved, so that a slow minute of the machine affects all
contenders alike. The figure that counts is the ratio to the textbook, measured in the same run. The other modules of
this folder are commands of their own, each with a page: `ledger`, `filling`, `load`, `profiling`, `report_files`.
"""
