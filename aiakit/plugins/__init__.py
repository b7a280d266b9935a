"""How plugins are found, configured, fingerprinted, checked and begun."""
