"""The edits a claim goes through before it leaves, by what they look at; billing.scrub asks them all."""
