"""Exports: credits of a period as one file.

`exports.py` is what the API calls: it starts exports, finds them and links to their files. `jobs.py` has what an export
is to hold and its steps (`filter_records.py`: their filter), `export_log.py` the steps in S3. `writer.py` writes an
export, with `progress.py` for its parts, steps and file. `files.py` encodes rows (`spreadsheets.py`: so that no formula
runs); `workbook.py` makes workbooks, whose first sheet has `facts.py`.
"""
