"""No protection: the reference that every defense is compared with."""

from __future__ import annotations

from aiakit.networks.autoencoder import AutoencoderDefense


class Original(AutoencoderDefense):
    """An autoencoder's latent and reconstruction (Original in the poster's tables)."""

    summary = "the autoencoder's latent and reconstruction, no protection"
