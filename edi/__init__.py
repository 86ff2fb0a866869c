"""WHAT IS SENT: X12 text <-> records: read, write, check. Pure: no clock, no database, no network, no files."""
