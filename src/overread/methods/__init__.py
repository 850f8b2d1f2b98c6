"""Methods: losses with memory, one file a paper."""

from overread.registry import Entry

METHODS = {
    "ce": Entry(
        "overread.methods.ce:CE",
        "plain cross-entropy on the given labels, the baseline that is always in the table",
        "baseline; its loss sequences are P3's",
    ),
    "ousm": Entry(
        "overread.methods.ousm:OUSM",
        "leaves the samples of highest loss out of each batch",
        "Xue et al., ISBI 2019 (P1)",
    ),
    "ousm-plof": Entry(
        "overread.methods.ousm_plof:OUSMpLOF",
        "OUSM, and every sample weighted by how usual its feature is in its class",
        "Xue et al., ISBI 2019 (P1)",
    ),
    "forward": Entry(
        "overread.methods.forward:Forward",
        "predictions are passed through the estimated noise before they meet the labels",
        "Patrini et al. 2017",
    ),
    "noise-adaptation": Entry(
        "overread.methods.noise_adaptation:NoiseAdaptation",
        "forward correction whose noise is learned along, by a layer on top",
        "Goldberger and Ben-Reuven 2017",
    ),
    "co-teaching": Entry(
        "overread.methods.co_teaching:CoTeaching",
        "two networks, each trained on the samples of small loss that the other picks",
        "Han et al., NeurIPS 2018",
    ),
    "co-teaching-vog": Entry(
        "overread.methods.co_teaching_vog:CoTeachingVOG",
        "co-teaching that picks a part by the variance of gradients",
        "Khanal et al., MICCAI 2024 (P4)",
    ),
    "joint": Entry(
        "overread.methods.joint:Joint",
        "soft labels from the network's own recent predictions replace the given ones",
        "Tanaka et al. 2018",
    ),
    "elr": Entry(
        "overread.methods.elr:ELR",
        "cross-entropy held to what the network believed early on",
        "Liu et al. 2020",
    ),
    "sce": Entry(
        "overread.methods.sce:SCE",
        "cross-entropy from label to network and back: a wrong label cannot shout",
        "Wang et al. 2019",
    ),
    "gce": Entry(
        "overread.methods.gce:GCE",
        "between cross-entropy and absolute error: labels weigh what the network gives them",
        "Zhang and Sabuncu 2018",
    ),
    "qam": Entry(
        "overread.methods.qam:QAM",
        "masks: a judge of image and mask weighs each image of the batch",
        "Zhu et al., MICCAI 2019 (P5)",
    ),
    "qam-ocm": Entry(
        "overread.methods.qam:QAMOCM",
        "masks: QAM with weights that cannot leave any image out",
        "Zhu et al., MICCAI 2019 (P5)",
    ),
    "ss": Entry(
        "overread.methods.cascade:SS",
        "masks: three networks, each trained on what the other two find sure and easy",
        "Xue et al., MICCAI 2020 (P2)",
    ),
    "ss-jo": Entry(
        "overread.methods.cascade:SSJO",
        "masks: SS, and then all images with given and corrected masks",
        "Xue et al., MICCAI 2020 (P2)",
    ),
}
