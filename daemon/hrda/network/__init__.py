"""The networks: encoders and their weights, heads, HRDA and SegFormer."""
