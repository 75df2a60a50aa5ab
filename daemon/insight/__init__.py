"""Pure functions over the store's numbers: curve, forecast, savings."""
