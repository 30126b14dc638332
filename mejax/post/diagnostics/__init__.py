"""What pictures that check a fit show."""
