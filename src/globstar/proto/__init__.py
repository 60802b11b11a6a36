"""Pure, sans-IO protocols: bytes and now go in; values, datagrams and deadlines come out."""
