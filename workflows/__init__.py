"""WHAT HAPPENS: the story of an encounter, an authorization, a batch, an inbound file. They decide when, never what."""
