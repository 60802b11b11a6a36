"""How each language says numbers and times: one file per language, found by its code."""
