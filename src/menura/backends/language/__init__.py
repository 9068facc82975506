"""The parts of the language-model client: what is sent, what comes back, how often, how fast, at what cost."""
