"""One schema for simulated, imported and recorded data; docs/dataset.md describes it for readers without this code."""
