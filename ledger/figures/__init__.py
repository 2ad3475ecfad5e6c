"""What a query wants of a period: pages, counts and summaries of the log, the outcome report, and whether both agree.

`selection.py` reads as little of a period's days as that takes, through `filters.py`, `pages.py` and
`wanted_totals.py`; `reconciliation.py` compares its summaries with `outcomes.py`.
"""
