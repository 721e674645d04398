"""Comparison of schemas and generated files with the installed packages.

`contracts` records what each release of a package offers and compares the schemas with it; `verify` proves generated
files against compiled packages. Each is imported by the command that needs it.
"""

__all__ = ["contracts", "verify"]
