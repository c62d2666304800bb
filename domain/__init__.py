"""What an order is and may become. Pure Python: no AWS, no HTTP, no clock of its own."""
