"""What each release of a package really offers, as data: asked for, kept, compared with schemas and with each other.

    pull     a project or an environment  ->  contracts       (`elixir/*.exs` and `introspect.py` run over there)
    check    schemas x contracts          ->  problems
    compare  two contracts                ->  changes, and the recipes that they touch
    update   schema x contract            ->  schema

A contract is one JSON file a package and release, `contracts/<package>-<version>.json`; `contract` reads and writes it.
"""
