"""From the bags of recording sessions to data sets: clocks checked by physics, signals checked, persons unnamed."""
