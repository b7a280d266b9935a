"""Whatever touches a disk: the cell store, arrays, tables, documents and the pixel cache."""
