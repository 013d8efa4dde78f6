"""From the raw word of a network or forest to a number that means something, everywhere."""
