"""What feature space means for images."""
