"""What `make bench-vision` measures."""
