"""A day of credits as it is stored.

`rows.py` and `rollups.py` encode a day's rows and its totals, `blocks.py` cuts the rows into blocks and says where each
lies. `versions.py` names the objects of a version, `day_objects.py` lists and reads them, `day_store.py`
writes them. `months.py` repeats what is known of a whole month. `sorted_rows.py` and `superseded_rows.py` put the rows
of a large answer into order.
"""
