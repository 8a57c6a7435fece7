"""The leaderboard: one row for each strategy in each setting, to which everybody can add the runs of a strategy."""
