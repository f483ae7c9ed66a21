"""A simulated pianist on the MyoHand anatomy: its labels are plausible, never the truth of a person."""
