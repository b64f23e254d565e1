"""What browsers show to people: pages that read. Whatever changes something goes through the API."""
