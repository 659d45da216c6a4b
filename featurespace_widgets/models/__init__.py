"""Where features come from: the bundled zoo, its networks and how they are trained."""
