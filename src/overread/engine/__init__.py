"""The engine: methods, their memory, and the one loop that trains them."""

from overread.registry import Entry

NETWORKS = {
    "efficientnet-lite0": Entry(
        "overread.engine.networks:efficientnet_lite0",
        "4.7 M parameters, ImageNet weights in the default install, fast on a CPU",
        "Tan and Le 2019, Lite variant (Google 2020)",
    ),
    "tiny": Entry(
        "overread.engine.networks:tiny", "two small convolutions, for tests; not pretrained", "Overread"
    ),
}
