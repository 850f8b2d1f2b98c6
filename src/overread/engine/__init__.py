"""The engine: methods, their memory, and the one loop that trains them."""

from overread.registry import Entry

NETWORKS = {
    "efficientnet-lite0": Entry(
        "overread.engine.networks.lite0:efficientnet_lite0",
        "3.4 M parameters, ImageNet weights in the default install, fast on a CPU",
        "Tan and Le 2019, Lite variant (Google 2020)",
    ),
    "resnet18": Entry(
        "overread.engine.networks.resnet:resnet18",
        "11.2 M parameters, random weights unless --weights names others",
        "He et al. 2016; in P4",
    ),
    "resnet34": Entry(
        "overread.engine.networks.resnet:resnet34",
        "21.3 M parameters, random weights unless --weights names others",
        "He et al. 2016",
    ),
    "resnet50": Entry(
        "overread.engine.networks.resnet:resnet50",
        "23.5 M parameters, random weights unless --weights names others",
        "He et al. 2016, v1.5",
    ),
    "resnet101": Entry(
        "overread.engine.networks.resnet:resnet101",
        "42.5 M parameters, random weights unless --weights names others",
        "He et al. 2016, v1.5; in P1",
    ),
    "densenet121": Entry(
        "overread.engine.networks.densenet:densenet121",
        "7.0 M parameters, random weights unless --weights names others",
        "Huang et al. 2017",
    ),
    "tiny": Entry(
        "overread.engine.networks.small:tiny", "two small convolutions, for tests; not pretrained", "Overread"
    ),
}
SEGMENTERS = {
    "unet": Entry(
        "overread.engine.networks.segmenter:residual_unet",
        "masks: 1.6 M parameters, residual, the default",
        "Ronneberger et al. 2015; Kerfoot et al. 2018 (MONAI)",
    ),
    "unet-wide": Entry(
        "overread.engine.networks.segmenter:wide_unet",
        "masks: 6.5 M parameters, residual",
        "Ronneberger et al. 2015; Kerfoot et al. 2018 (MONAI)",
    ),
    "unet-plain": Entry(
        "overread.engine.networks.segmenter:plain_unet",
        "masks: 1.9 M parameters, no residuals; slow on a CPU",
        "Ronneberger et al. 2015 (MONAI's BasicUNet); in P2 and P5",
    ),
    "unet-attention": Entry(
        "overread.engine.networks.segmenter:attention_unet",
        "masks: 2.0 M parameters, skip connections with gates",
        "Oktay et al. 2018 (MONAI)",
    ),
    "unet-tiny": Entry(
        "overread.engine.networks.segmenter:tiny_unet", "masks: three small levels, for tests", "Overread"
    ),
}
ALL_NETWORKS = {**NETWORKS, **SEGMENTERS}
