"""Pure: extensions.conf, patterns, expressions, substitution, arguments."""
