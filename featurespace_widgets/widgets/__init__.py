"""What a person sees. Widgets hold no mathematics: they show what the rooms below return."""
