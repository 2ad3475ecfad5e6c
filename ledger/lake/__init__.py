"""The lake: what is stored, as typed Parquet files that Athena, Trino, DuckDB, Spark and other tools read as tables.

`parquet.py` writes any rows as one Parquet file. Only the keeper works here, since only its artifact has the packages.
"""
