"""One trained defense and one face: protect, answers, examples."""
