"""How good an answer is: arrays in, numbers out."""
