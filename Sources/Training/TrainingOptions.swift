import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels

/// Everything that a training run is told. It is kept in the run's folder, so that resuming needs no more.
public struct TrainingOptions: Codable, Equatable, Sendable {
  /// Where the images that a run is validated on come from.
  public enum Validation: Codable, Equatable, Sendable {
    /// A folder of its own; by default `valid/` where the data has one.
    case folder(String)
    /// A share of the training images, stratified by class and drawn from the seed.
    case fraction(Double)
  }

  /// Images, a table, a text or a graph: see `DataSource`.
  public var data: String
  /// The network to train from scratch; nil where a checkpoint says it.
  public var architecture: String?
  /// Values of the network's configuration other than the published ones, for training from scratch.
  public var configuration: [ConfigurationChange] = []
  /// The checkpoint to begin from; nil for training from scratch.
  public var checkpoint: String?
  public var epochs: Int
  public var batchSize = 32
  public var optimizer: OptimizerConfiguration
  public var schedule: Schedule
  /// Layers with settings of their own; the first group that matches a parameter counts.
  public var groups: [ParameterGroup] = []
  /// The learning rate of each layer as a share of its successor's, from the head down: see
  /// `ParameterGroup.layerwiseDecay(of:headPath:factor:)`. It multiplies what a group says, unless the group has a
  /// learning rate of its own; nil for 1.
  public var layerwiseDecay: Double?
  /// How large gradients may be; nil for any size.
  public var clipping: GradientClipping?
  /// When the run ends before its last epoch; nil for never.
  public var earlyStopping: EarlyStopping?
  /// The memory of a moving average of the weights, which is then what is validated and kept as the best; nil for none.
  public var weightAverageDecay: Double?
  /// From how many batches the statistics of batch normalisation are estimated anew, without dropout, before each
  /// validation; nil for 20 where dropout stands before a normalisation, else none.
  public var statisticsBatches: Int?
  /// Patterns of what is frozen, or `backbone` alone.
  public var freeze: [String] = []
  /// The side of the images; nil for the checkpoint's, or else the architecture's.
  public var imageSize: Int?
  /// Random changes to training images; nil for none.
  public var augmentation: Augmentation?
  /// How much of each label's certainty is shared out among all classes.
  public var labelSmoothing = 0.0
  /// mixup's alpha; 0 for none.
  public var mixup = 0.0
  /// CutMix's alpha; 0 for none.
  public var cutMix = 0.0
  /// Whether images are evaluated on their centre, as torchvision does, instead of on the largest square.
  public var hasCropMargin = true
  public var usesFeatureCache = true
  public var validation: Validation?
  /// What is predicted of a table, and how its columns are prepared; nil for other data.
  public var table: TableSettings?
  /// What is predicted of a table whose rows are a time series; nil for other data.
  public var series: SeriesSettings?
  /// What the texts in a column of a table are sorted by; nil for other data.
  public var characters: CharacterSettings?
  /// How many characters of a text a batch's rows have; of texts in a table, the most that are looked at.
  public var sequenceLength = 128
  public var seed: UInt64 = 0
  public var workers: Int
  public var threads: Int
  /// The most images of each class; nil for all.
  public var limit: Int?

  public init(
    data: String, architecture: String? = nil, checkpoint: String? = nil, epochs: Int,
    optimizer: OptimizerConfiguration, schedule: Schedule, augmentation: Augmentation? = nil, workers: Int = 2,
    threads: Int = 2
  ) {
    self.data = data
    self.architecture = architecture
    self.checkpoint = checkpoint
    self.epochs = epochs
    self.optimizer = optimizer
    self.schedule = schedule
    self.augmentation = augmentation
    self.workers = workers
    self.threads = threads
  }

  /// The groups of a model's parameters: those named, with the layer-wise decay worked in, then those of the decay alone.
  func groups(for model: some Network) throws -> [ParameterGroup] {
    guard let factor = layerwiseDecay else { return groups }
    let decay = ParameterGroup.layerwiseDecay(of: model, headPath: model.headPath, factor: factor)
    return try ParameterGroup.scaling(groups, by: decay, for: model.namedParameters().map(\.path)) + decay
  }

  /// The share of a table's rows that is held out for validation.
  func validationShare() throws(TrainingFault) -> Double {
    switch validation {
    case nil: 0.1
    case .fraction(let given): given
    case .folder(let path): throw .invalidSetting(name: "validation", value: path, allowed: "a share of the rows")
    }
  }

  /// Whether exactly the backbone is frozen.
  public var freezesBackbone: Bool { freeze == ["backbone"] }

  /// Refuses numbers that no run can be made with.
  public func validate() throws {
    try optimizer.validate()
    try schedule.validate()
    for group in groups { try group.validate() }
    if let layerwiseDecay {
      try TrainingFault.check(
        "layer-wise decay", layerwiseDecay, layerwiseDecay > 0 && layerwiseDecay <= 1, "above 0 and at most 1")
    }
    try clipping?.validate()
    try earlyStopping?.validate()
    if let statisticsBatches {
      try TrainingFault.check(
        "number of batches for statistics", statisticsBatches, (0...1 << 20).contains(statisticsBatches), "0 to 1048576"
      )
    }
    if let weightAverageDecay { try WeightAverage.check(decay: weightAverageDecay) }
    try TrainingFault.check("number of epochs", epochs, (1...100_000).contains(epochs), "1 to 100000")
    try TrainingFault.check("batch size", batchSize, (1...65_536).contains(batchSize), "1 to 65536")
    if let augmentation { _ = try augmentation.validated() }
    try TrainingFault.check(
      "label smoothing", labelSmoothing, labelSmoothing >= 0 && labelSmoothing < 1, "at least 0 and below 1")
    for (name, alpha) in [("mixup's alpha", mixup), ("CutMix's alpha", cutMix)] {
      try TrainingFault.check(name, alpha, alpha >= 0 && alpha <= 100, "0 to 100")
    }
    try TrainingFault.check("mixup beside CutMix", mixup, mixup == 0 || cutMix == 0, "0 where the other is not")
    try TrainingFault.check("number of workers", workers, (1...256).contains(workers), "1 to 256")
    try TrainingFault.check("number of threads", threads, (1...1024).contains(threads), "1 to 1024")
    if let imageSize {
      try TrainingFault.check("image size", imageSize, (1...ImageSize.maximumSide).contains(imageSize), "1 to 8192")
    }
    try TrainingFault.check("sequence length", sequenceLength, (1...65_536).contains(sequenceLength), "1 to 65536")
    try table?.validate()
    try series?.validate()
    try characters?.validate()
    if let limit { try TrainingFault.check("limit", limit, limit >= 1, "at least 1") }
    if case .fraction(let share)? = validation {
      try TrainingFault.check("validation share", share, share > 0 && share < 1, "between 0 and 1")
    }
  }
}
