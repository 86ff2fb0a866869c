"""WHAT IS KEPT: tables, queries, migrations, and the messages that cross between processes."""
