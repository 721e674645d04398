"""What was generated for a set of recipes, proven against the packages that a user really has.

    question   recipes, schemas                 ->  what to ask, in both languages
    ask        question, compiled packages      ->  facts        (`elixir/*.exs` and `python_side.py` run over there)
    judge      facts, recipes, known defects    ->  proofs
    table      proofs                           ->  text, JSON, annotations

The processes answer plain facts and know nothing of what should be; what should be is computed here, from the recipes.
"""
