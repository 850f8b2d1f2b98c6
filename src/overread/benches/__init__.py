"""The papers' tables, re-run: one file a table. (Not `bench`: that is the verb, `overread.bench`.)"""

from overread.registry import Entry

BENCHES = {
    "ousm-table1": Entry(
        "overread.benches.ousm_table1:BENCH",
        "accuracy of skin lesion classifiers trained on 0 to 40 % of the hardest labels wrong",
        "Xue et al., ISBI 2019 (P1), table 1",
    ),
    "cascade-table1": Entry(
        "overread.benches.cascade_table1:BENCH",
        "Dice of lungs from networks trained on 0 to 75 % of masks wrong, and four analyses",
        "Xue et al., MICCAI 2020 (P2), table 1 and figure 4",
    ),
    "loss-sequence": Entry(
        "overread.benches.loss_sequence:BENCH",
        "which of 6 % wrong labels are found, and what repairing them brings",
        "Zhang et al., IoTaaS 2020 (P3), both experiments, figures 4 and 6",
    ),
    "active-cleaning": Entry(
        "overread.benches.active_cleaning:BENCH",
        "macro-F1 against labels bought, by first phase and sampler; what co-teaching keeps",
        "Khanal et al., MICCAI 2024 (P4), figures 2-3 and table 1",
    ),
    "pick-and-learn": Entry(
        "overread.benches.pick_and_learn:BENCH",
        "Dice of lungs, heart and clavicles from networks trained on 0 to 75 % of masks wrong",
        "Zhu et al., MICCAI 2019 (P5), table 1, figures 3 and 4",
    ),
    "memorisation": Entry(
        "overread.benches.memorisation:BENCH",
        "how networks learn wrong labels by heart: training and test error over the epochs",
        "Xue et al., ISBI 2019 (P1), figure 3",
    ),
}
