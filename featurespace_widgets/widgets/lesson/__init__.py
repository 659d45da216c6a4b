"""Teacher mode: a lesson beside the explorer, read from a small YAML file."""
