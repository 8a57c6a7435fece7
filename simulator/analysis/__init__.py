"""Analysis of results: areas under learning curves, paired tests, intervals, and the findings of the paper."""
