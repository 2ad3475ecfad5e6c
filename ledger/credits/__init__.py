"""The credit log of a period: which days answer for it, and how they are fetched and read back.

`credit_log.py` answers for a period and decides which days to fetch; `day_fetcher.py` fetches them from the vendor;
`settlement.py` decides when a day is final; `ledger.days` stores them; `day_reader.py` reads them back.
"""
