"""WHAT IS TRUE: the trade's knowledge. Facts in; decision, findings and steps out. Pure: no I/O, no clock."""
