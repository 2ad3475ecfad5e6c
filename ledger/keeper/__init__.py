"""The keeper's scheduled work: refreshing and settling days, archiving report files, deleting superseded objects.

`keeper.py` runs through the tenants and kinds of work, `run.py` has one run's time and figures. `credit_days.py`
works on the credit log, `unproven_days.py` on days whose answers may have been cut off, `report_files.py` on the
archive, and `report_contents.py` on what is inside its files, `lake_logs.py` on the lake; `old_answers.py` deletes
answers that are no longer needed.
"""
