"""menura-mini: a small text-to-audio model of our own, from words to mel frames to sound."""
