"""Parts of choosing a batch that are common to strategies: places drawn at random, class balance, diversity."""
