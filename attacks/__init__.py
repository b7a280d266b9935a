"""The attacks that come with aiakit, one file each."""
