"""Clocks: how far they are trusted."""

# Seconds by which a clock may be off, or be set back, without anything being wrong. A time that is
# further in the future was written while the clock was ahead.
SLACK = 24 * 3600.0
