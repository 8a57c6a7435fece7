"""What pages are made of: their frame, and values as words and pictures."""
