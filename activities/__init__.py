"""WHAT IS DONE: side effects, one transaction each. ``gateways/`` leads outside."""
