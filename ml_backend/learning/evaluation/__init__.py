"""What can be said of a head from few labels."""
