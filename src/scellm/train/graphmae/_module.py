"""GraphMAE: reconstruct the features of masked genes from their neighbours (Hou et al. 2022, section 3)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from scellm.train.graphmae._backend import GraphAttentionLayer
from scellm.train.graphmae._encoder import GraphEncoder
from scellm.train.graphmae._features import GivenFeatures, LearnedTable
from scellm.train.graphmae._masking import Masking


def scaled_cosine_error(cosine: Tensor, gamma: float) -> Tensor:
    r"""Mean of :math:`(1 - \cos)^\gamma` (section 3.2, equation 2); a cosine rounded above 1 counts as 1."""
    return (1 - cosine).clamp_min(0).pow(gamma).mean()


class GraphMAE(nn.Module):
    r"""The self-supervised masked graph autoencoder.

    From `"GraphMAE: Self-Supervised Masked Graph Autoencoders" <https://arxiv.org/abs/2205.10803>`_ (Hou et al., KDD
    2022).

    The features :math:`x_i` of some genes :math:`M` are replaced by a learned token, the encoder :math:`f_E` embeds all
    genes of the network :math:`A`, the embeddings of the same genes are set to 0 ("re-masking"), and a decoder
    :math:`f_D` of one layer reconstructs the features:

    .. math::
        H = f_E(A, \tilde X), \qquad Z = f_D(A, \tilde H W), \qquad
        L = \frac{1}{|M|} \sum_{i \in M} \Big( 1 - \frac{x_i^\top z_i}{\lVert x_i \rVert \lVert z_i \rVert} \Big)^\gamma

    The decoder is discarded after training; the embeddings are :math:`f_E(A, X)`.

    Parameters
    ----------
    features
        Initial features of the genes, which are also the reconstruction targets.
    encoder
        (n, f) to (n, dim).
    decoder
        (n, dim) to (n, f).
    bridge
        The linear map :math:`W` between them, (dim, dim), without bias.
    gamma
        Power of the error.
    feature_dropout
        Probability of dropout before the decoder.
    """

    def __init__(
        self,
        features: GivenFeatures | LearnedTable,
        encoder: GraphEncoder,
        decoder: GraphAttentionLayer,
        bridge: nn.Linear,
        *,
        gamma: float = 3.0,
        feature_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.features, self.encoder, self.decoder, self.bridge = features, encoder, decoder, bridge
        self.gamma, self.feature_dropout = gamma, feature_dropout
        self.token = nn.Parameter(torch.zeros(features.width))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw new weights for encoder and decoder, the same for every back end, and set the token to 0."""
        self.encoder.reset_parameters(generator)
        self.decoder.reset_parameters(generator)
        nn.init.zeros_(self.token)

    def forward(self, graph: Any) -> Tensor:
        """Embeddings of all genes, with none masked, (n, dim)."""
        return self.encoder(self.features(), graph)

    def loss(self, masking: Masking, graph: Any, whole: Any) -> Tensor:
        """Scaled cosine error over the masked genes.

        Parameters
        ----------
        masking
            Which genes are masked.
        graph, whole
            The encoder's graph, which may lack edges, and the decoder's.

        Returns
        -------
        torch.Tensor
            A scalar.
        """
        rows = masking.rows
        x = masking.hide(self.features(), self.token)  # (n, f)
        latent = self.bridge(self.encoder(x, graph))  # (n, dim)
        latent = latent.index_fill(0, rows, 0.0)  # masked again, so that the decoder must use the neighbours
        latent = dropout(latent, self.feature_dropout, training=self.training)
        decoded = self.decoder(latent, whole)  # (n, f)
        return scaled_cosine_error(self.features.cosine(decoded[rows], rows), self.gamma)

    def __repr__(self) -> str:
        width, layers = self.features.width, len(self.encoder.layers)
        return (
            f"GraphMAE({width} features, {layers} layers, {self.bridge.in_features} dimensions, gamma {self.gamma:g})"
        )
