"""Which labels and prompts the next synthetic clips go to, from what a classifier is unsure of."""
