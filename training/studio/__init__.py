"""The virtual studio: films simulated hands over a piano keyboard with virtual cameras."""
