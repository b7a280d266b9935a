"""``aiakit audit``: what embeddings or protected pictures that exist already leak, with no defense to train.

files → ``Source`` → ``Samples`` (checked) → splits (audited) → scores → ``AuditResult``.
"""
