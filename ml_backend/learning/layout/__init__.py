"""Places texts in two dimensions by their vectors, so that texts that mean alike lie side by side."""
