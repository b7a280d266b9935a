"""Built-in encoders, one file each; they register as entry points like anybody's."""
