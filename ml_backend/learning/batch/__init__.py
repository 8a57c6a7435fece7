"""What a batch is composed with beside a strategy: places drawn at random, class balance, diversity."""
