"""WHAT IS SEEN: screens and API. Reads with SQL, acts through ``web.commands``; templates get formatted rows."""
