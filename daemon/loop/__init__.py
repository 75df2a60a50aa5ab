"""The tick, its schedule, and the daemon as a process."""
