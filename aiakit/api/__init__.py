"""What Python users call: ``aiakit.run``, ``audit``, ``sweep``, ``load``, ``compare``, ``load_defense``."""
