"""Stand-ins for the world that keep the laws of the ports they stand in for."""
