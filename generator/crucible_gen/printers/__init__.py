"""Printers: a term to the text of one language, final as printed."""
