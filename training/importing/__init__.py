"""Bring data of others into the data-set format; docs/importing.md says from what and how."""
