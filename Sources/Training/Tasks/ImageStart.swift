import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers

/// The images of a run, in their parts.
struct ImageParts {
  let training: ImageFolder
  let validation: ImageFolder
  let test: ImageFolder?
  /// What a bootstrap sample did not draw; nil where none was drawn.
  let outOfBag: ImageFolder?
  /// How packed pictures are prepared by default; nil for photographs.
  let preprocessing: Preprocessing?
  /// How the training images were divided; nothing is held out where validation has images of its own.
  let split: RecordedSplit
  /// What lies beside the images and is not used, a line each.
  let remarks: [String]

  init(_ options: TrainingOptions, _ images: ImageOptions) throws {
    let limit = images.limit
    let dataset = try ImageDataset(options.data, classes: images.classes, limit: limit)
    let files = options.partFiles
    /// A folder of class folders, or the part of one.
    func folder(_ path: String, _ part: PartFolders.Part) throws -> ImageFolder {
      try ImageFolder(
        PartFolders(path)?.path(of: part) ?? path, classes: dataset.classes, limit: limit)
    }
    var given = try files.validation.map { try folder($0, .valid) }
    if options.validation == nil { given = dataset.validation }
    var plan = options.splitPlan(test: 0)
    if given != nil { plan.validation = 0 }
    var split = RecordedSplit(plan, limit: limit)
    let drawn = try split.division(of: dataset.training)
    split.held = HeldOut(drawn)
    self.split = split
    training = drawn.training
    // Of what is trained on alone: what is held out is to be as new as a later picture.
    preprocessing = training.ownPreprocessing
    guard let validation = given ?? drawn.validation else {
      throw ImageFolderFault.tooFew(images: dataset.training.entries.count, fraction: plan.validation)
    }
    self.validation = validation
    outOfBag = drawn.outOfBag
    let own = try files.test.map { try folder($0, .test) } ?? dataset.test
    test = drawn.test ?? own
    var remarks = dataset.remarks + (dataset.validation == validation ? [] : validation.remarks)
    if drawn.test != nil, let own {
      remarks.append(
        "\(options.data): its test part, \(own.entries.count) images, is left aside: what is held out of the others is the test"
      )
    }
    if plan.validation == 0, plan.test == 0, plan.fold == nil,
      let remark = options.parts.remarkOnStrata("\(options.data) has its own parts")
    {
      remarks.append(remark)
    }
    let others = [("validation", given), ("test", drawn.test == nil ? own : nil)]
    remarks += try Self.shared(plan.grouping, training, others)
    remarks += RepeatedParts(
      training: dataset.training.place, validation: given?.place, test: drawn.test == nil ? own?.place : nil
    ).remarks(options.data)
    self.remarks = remarks
  }

  /// How a former training divided these images; nil for one on others.
  func division(_ former: RecordedTraining, _ options: TrainingOptions) throws -> RecordedSplit? {
    // The images need not be listed again.
    if former.split.held == split.held { return former.split }
    guard let parts = try former.split.images(of: options.data, fingerprint: former.data) else { return nil }
    var division = former.split
    division.held = HeldOut(parts)
    return division
  }

  /// A line for each part with images of its own that has groups of the training, too.
  private static func shared(
    _ grouping: Grouping?, _ training: ImageFolder, _ parts: [(name: String, images: ImageFolder?)]
  ) throws -> [String] {
    guard case .pattern(let text)? = grouping else { return [] }
    let pattern = try GroupPattern(text)
    func groups(_ images: ImageFolder) -> [String] {
      pattern.names(of: images.entries.map(\.path)).compactMap { $0 }
    }
    let known = groups(training)
    return parts.compactMap { name, images in
      images.flatMap { SharedGroups(known, groups($0), part: name)?.remark }
    }
  }
}

/// A classifier of images ready to be trained, and what its checkpoints say about it.
struct ImageStart {
  private let model: any Classifier
  private let preprocessing: Preprocessing
  private let metadata: Checkpoint.Metadata
  private let options: TrainingOptions
  private let images: ImageOptions
  private let data: ImageParts
  /// Whether nothing has been learned yet.
  private let isFresh: Bool
  /// Whether nothing of this run has been saved yet.
  private let isBeginning: Bool

  init(_ beginning: Beginning, _ options: TrainingOptions, _ images: ImageOptions) throws {
    self.options = options
    self.images = images
    data = try ImageParts(options, images)
    isFresh = beginning.isFromScratch
    isBeginning = beginning.isSource
    let classes = data.training.classes
    try beginning.requireSameClasses(classes, options)
    preprocessing = try Self.preprocessing(beginning, images, data)
    let fingerprint = RecordedSplit.fingerprint(of: [data.training, data.validation, data.test])
    let start = try beginning.start(
      input: Self.input(preprocessing), outputs: classes.count, head: beginning.knownHead(for: classes),
      data: fingerprint,
      options)
    model = try start.architecture.classifier(start.model)
    var metadata = start.metadata
    metadata.classes = classes
    metadata.preprocessing = try InputPreparation.images(preprocessing).json()
    try beginning.keep(data.split, in: &metadata) { [data] in try data.division($0, options) }
    self.metadata = metadata
    try TrainingFault.check(
      "batch size", options.batchSize, options.batchSize > 1 || !model.learnsFromStatistics,
      "at least 2 for a network with batch normalisation")
  }

  /// The checkpoint's, at the size asked for; from scratch the data's own, or torchvision's.
  ///
  /// - Parameter asProbabilities: whether values are in [0, 1]; nil for what the network takes.
  static func preprocessing(
    _ beginning: Beginning, _ options: ImageOptions, _ data: ImageParts, asProbabilities: Bool? = nil
  ) throws -> Preprocessing {
    switch beginning.place {
    case .saved(let checkpoint, let path):
      guard let stored = try checkpoint.preprocessing() else {
        throw TrainingFault.unusableState(reason: "\(path) does not say how its images are prepared")
      }
      return stored
    case .source(.checkpoint(let checkpoint, let path)):
      guard let stored = try checkpoint.preprocessing() else { throw TrainingFault.unknownPreprocessing(path: path) }
      return sized(options.imageSize.map(stored.withSize) ?? stored, options)
    case .source(.scratch(let architecture)):
      let inUnitRange = asProbabilities ?? architecture.takesProbabilities
      if let own = data.preprocessing {
        let fitting = inUnitRange ? own.inUnitRange : own
        return sized(options.imageSize.map(fitting.withSize) ?? fitting, options)
      }
      guard let side = options.imageSize ?? architecture.imageSize else {
        throw ArchitectureFault.unsuited(architecture: architecture.name, kinds: architecture.kinds, data: .images)
      }
      let usual = photographic(architecture, size: side)
      return sized(inUnitRange ? usual.inUnitRange : usual, options)
    }
  }

  /// torchvision's preparation, in grey for networks that were designed for one channel.
  private static func photographic(_ architecture: Architecture, size: Int) -> Preprocessing {
    var preprocessing = Preprocessing.torchvision(size: size)
    if architecture.input.first == 1 {
      preprocessing.channels = .grey
      preprocessing.mean = [0.449]
      preprocessing.standardDeviation = [0.226]
    }
    return preprocessing
  }

  private static func sized(_ given: Preprocessing, _ options: ImageOptions) -> Preprocessing {
    let preprocessing = options.samplewise.map(given.normalizingEach) ?? given
    guard let hasMargin = options.hasCropMargin, let size = preprocessing.outputSize else { return preprocessing }
    // The longer side of the crop, so that an image fills it.
    let side = max(size.height, size.width)
    var changed = preprocessing
    // What was brought to this size exactly is cropped to it.
    changed.crop = size
    if hasMargin {
      // A margin that is there is the checkpoint's own.
      if case .shorterSide(let known) = preprocessing.resize, known > side { return preprocessing }
      changed.resize = Preprocessing.torchvision(size: side).resize
    } else {
      changed.resize = .shorterSide(side)
    }
    return changed
  }

  /// [C, H, W] as the network will get it.
  static func input(_ preprocessing: Preprocessing) throws -> [Int] {
    guard let size = try preprocessing.validated().outputSize else { throw PreprocessingFault.noFixedSize }
    return [preprocessing.channels.count, size.height, size.width]
  }

  /// - Parameter path: the folder of the run.
  func task(at path: String, _ report: @escaping (String) -> Void) -> any TrainingTask {
    for remark in data.remarks { report(remark) }
    // Opens the existential: the task is generic over the model.
    func open(_ model: some Classifier) -> any TrainingTask {
      let pretraining =
        isFresh
        ? Pretraining(
          model, options, data.training, preprocessing, mostSkipped: images.mostSkipped, report) : nil
      return ImageTask(
        model: model, options: options, images: images, data: data, preprocessing: preprocessing, metadata: metadata,
        folder: path,
        pretraining: pretraining, isBeginning: isBeginning, report: report)
    }
    return open(model)
  }
}
