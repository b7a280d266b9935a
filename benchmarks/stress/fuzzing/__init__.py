"""Hostile input for every reader of outside bytes: mutations of valid files, and what each reader is fed."""
