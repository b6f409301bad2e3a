"""`andon demo --drift`: wear, a faulty sensor and a new product, told apart; only the first leads to a new model."""
