"""What the engine is held against: independent and slow, in plain Python and mpmath."""
