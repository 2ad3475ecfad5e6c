"""Exports: whole periods of the credit log as one file.

`exports.py` is what the API calls: it starts exports, finds them and links to their files. `jobs.py` has an export's
steps as they are stored in S3. `writer.py` writes an export, with `progress.py` for its parts, steps and file;
`files.py` encodes the rows.
"""
