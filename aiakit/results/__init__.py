"""From stored scores to rows and documents."""
