"""Learned detectors: samples, networks, training and maps, shared by the methods that learn.

From a sequence to the map of `sodinn` and `na_sodinn`, in the order in which data flow::

    baselines/sodinn.py       options; `lessons(sequence)` -> Lessons: what to train, and how
    detector.train_detector   all that follows, for every part of the field; `Told` hears of it
      residuals/              RingResiduals: stacks of patches of one ring, one slice per rank
      samples/                recipe -> label_plan.planned (where, how bright) -> Plan
                              -> making.make_samples (the stacks, on disk) -> SampleStore
      networks/               Architecture and its weights as numpy arrays; `fitting` leads a
                              training, whose steps are computed in torch/ or flax/
      judgement/              Meaning: from logits to significance and probability
      networks/model_file     Detector: one Model per part of the field; `save` and `load`
    detector.detector_map     judgement/field: the patch of every pixel -> logits -> their meaning
    held_out                  what a trained detector says of sectors that it never saw: threshold
                              and reliability, for `exobench train`
    verdicts, explain         what it says of one position, and why, for `exobench explain`

Detectors that are trained on each sequence and kept in no file take what they need of this::

    shallow/                  `sodirf`, `patch_mlp`: the samples in memory (samples/drawn), numbers
                              instead of stacks, scikit-learn's or our own small models
    frames/                   `frame_cnn`: single frames, with companions planted in them
    speckles/                 `gan_anomaly`: a generator of speckles, and what it cannot make

Words: a *ring* is an annulus 1 FWHM wide; a *rank* a number of components, and the slice left by
it; a *stack* the slices around one position; a *part* of the field what one network judges;
a *split* training or validation, each with *sectors* of the sky of its own.

Only modules in torch/ and flax/ import PyTorch, JAX and Flax; they are imported by name, when a
network is run. Imports go from the later in these lists to the earlier.
"""
