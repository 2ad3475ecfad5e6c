"""Workbooks (XLSX): their parts, the cells of their sheets, and how numbers are shown."""
