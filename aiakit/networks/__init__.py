"""Torch: the one training loop, blocks, the autoencoder, models of timm, the Siamese verifier."""
