"""The defenses that come with aiakit, one file each."""
