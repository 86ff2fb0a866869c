"""Mapped classes only, no methods. Import from the submodule."""
