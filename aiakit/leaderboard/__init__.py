"""Entries of a leaderboard: written, verified and ranked from per-sample scores. A folder of them is the database."""
