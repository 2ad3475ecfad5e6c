"""A day of credits as it is stored.

`rows.py` and `rollups.py` encode a day's rows and its totals; `day_store.py` names, writes, lists and reads them.
"""
