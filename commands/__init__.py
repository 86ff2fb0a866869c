"""The commands of `firstpass`, by what they are about. `cli.py` puts them together."""
