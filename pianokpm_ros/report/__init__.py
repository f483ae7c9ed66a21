"""One HTML file about a recording, or about two that are compared along the score."""
