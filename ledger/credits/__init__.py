"""The credit log of a period, and the outcome report.

`credit_log.py` answers for a period and decides which days to fetch; `day_fetcher.py` fetches them from the vendor;
`settlement.py` decides when a day is final; `ledger.days` stores them; `day_reader.py` reads them back; `selection.py`
makes pages, counts and summaries of them, through `filters.py`, `pages.py` and `wanted_totals.py`.
"""
