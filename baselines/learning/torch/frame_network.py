r"""A convolutional network that says of a frame whether it holds a companion, and where.

Three stages of two 3x3 convolutions each end in one number ``s`` at every second pixel, and
the log-odds of the frame are

.. math:: z = \log \frac{1}{N} \sum_{yx} \exp s_{yx}.

That is what Bayes' theorem makes of one companion whose place is not known: with ``s`` the
logarithm of the likelihood ratio of a companion there, ``exp(z)`` is the mean ratio over the
places. So one ``s`` serves windows and whole frames, whatever their size.

Grad-CAM (Selvaraju et al. 2017, Eqs. 1 and 2) weighs each feature map of the last stage by the
mean gradient of ``z`` with it. Here ``dz/ds`` is a softmax, which sums to 1, so the weights are
those of the last layer over ``N``, whatever the frame: Grad-CAM is ``s`` itself, but for the
factor and the bias, as it is the class activation map of Zhou et al. (2016) under average
pooling. No gradient need be taken.

References
----------
Yip et al. (2019), ECML PKDD, arXiv 1904.06155 (a network of single frames, with Grad-CAM).
Selvaraju et al. (2017), ICCV, arXiv 1610.02391.
Zhou et al. (2016), CVPR, arXiv 1512.04150.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from exobench.baselines.learning.frames.detector import STEP

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameArchitecture:
    """Size of a network of frames.

    Attributes
    ----------
    channels : tuple of int
        Of the convolutions of the three stages.
    """

    channels: tuple[int, int, int] = (16, 32, 64)


class FrameNetwork(nn.Module):
    """Log-odds of a companion in a frame, and the evidence for one at every second pixel.

    No layer sees more than 34 pixels: there is no normalisation over a batch or a frame, so
    that a window and the frame that it is of agree.
    """

    def __init__(self, architecture: FrameArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        first, second, third = architecture.channels
        self.stage1 = _stage(1, first, 1)
        self.stage2 = _stage(first, second, 1)
        self.stage3 = _stage(second, third, 2)  # dilated: sees as far as after another pooling
        self.pool = nn.AvgPool2d(STEP, ceil_mode=True)  # a maximum favours noise
        self.output = nn.Conv2d(third, 1, 1)

    def forward(self, frames: Tensor, snr: Tensor | None = None) -> Tensor:
        """Log-odds of a companion anywhere in the frame, shape (n,).

        Parameters
        ----------
        frames : Tensor, shape (n, 1, n_y, n_x)
            Standardised.
        snr : Tensor, optional
            Not used: networks of patches have it.
        """
        del snr
        return self.pooled(self.evidence(self.maps(frames)))

    def maps(self, frames: Tensor) -> Tensor:
        """Feature maps of the last stage, shape (n, channels, y, x)."""
        maps: Tensor = self.stage3(self.stage2(self.pool(self.stage1(frames))))
        return maps

    def evidence(self, maps: Tensor) -> Tensor:
        """Log-odds of a companion at every place of the maps, shape (n, y, x)."""
        evidence: Tensor = self.output(maps).squeeze(1).float()
        return evidence

    @staticmethod
    def pooled(evidence: Tensor) -> Tensor:
        """Log-odds of a companion at any place, shape (n,), of those at each, (n, y, x)."""
        places = evidence.flatten(1)
        return torch.logsumexp(places, dim=1) - math.log(places.shape[1])


def grad_cam(network: FrameNetwork, frames: Tensor) -> Tensor:
    """Grad-CAM of frames by gradients, signed, shape (n, y, x); the general way.

    What `FrameNetwork.evidence` gives without them, over the number of places and less the
    bias. Without the rectification of Selvaraju et al., Eq. 2.
    """
    maps = network.maps(frames)
    logits = network.pooled(network.evidence(maps))
    (gradients,) = torch.autograd.grad(logits.sum(), maps)
    return (gradients.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1).detach()


def _stage(n_in: int, n_out: int, dilation: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (n_in, n_out):
        convolution = nn.Conv2d(channels, n_out, 3, padding=dilation, dilation=dilation)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        nn.init.zeros_(convolution.bias)
        layers += [convolution, nn.ReLU()]
    return nn.Sequential(*layers)
