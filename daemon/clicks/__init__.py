"""Click-to-mask as pure functions of pixels: what a click is, the engines without a network.

numpy, scipy and OpenCV only: no torch, no file, no store, no clock. README.md says how it works.
"""
