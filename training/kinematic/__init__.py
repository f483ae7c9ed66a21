"""A simulated pianist: notes to hands, keys and muscles by geometry and documented formulas, never a person's truth."""
