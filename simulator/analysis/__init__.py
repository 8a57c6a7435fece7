"""What results say: areas under curves, paired tests, intervals, and the findings of the paper."""
