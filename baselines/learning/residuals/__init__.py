"""What low-rank models of a sequence leave, ring by ring: a patch per rank and place (MLAR)."""
