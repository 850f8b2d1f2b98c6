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
