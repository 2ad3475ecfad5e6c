"""The lake: what is stored, as typed Parquet files that Athena, Trino, DuckDB, Spark and other tools read as tables.

`credit_lake.py` brings settled days into it: `month_files.py` says which file a day is in, `stored_days.py` reads the
stored rows and `credit_rows.py` makes rows of the table of them. `report_rows.py` does it for rows of report files.
`parquet.py` writes any rows as one Parquet file. Only the keeper works here, since only its artifact has the packages.
"""
