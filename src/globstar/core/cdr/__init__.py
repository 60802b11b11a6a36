"""Call detail records: made from the events of the bus, handed to backends when their channel is gone."""
