"""One harness for all that estimates muscles: same recordings, same splits, same metrics."""
