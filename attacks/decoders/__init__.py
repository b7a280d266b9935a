"""The decoders, which measure inversion, that come with aiakit, one file each."""
