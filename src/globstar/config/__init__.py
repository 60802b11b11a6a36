"""Pure: the reader of Asterisk's .conf syntax and typed options."""
