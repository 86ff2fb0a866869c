"""The ways outside. Each is a Protocol with one real implementation; tests use the real one against the simulator."""
