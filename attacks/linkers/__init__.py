"""The linkers, which measure identity and linkage, that come with aiakit, one file each."""
