import AviaryDatasets

/// Everything that a training run on images is told. It is kept in the run's folder, so that resuming needs no more.
public struct TrainingOptions: Codable, Equatable, Sendable {
  /// Where the images that a run is validated on come from.
  public enum Validation: Codable, Equatable, Sendable {
    /// A folder of its own; by default `valid/` where the data has one.
    case folder(String)
    /// A share of the training images, stratified by class and drawn from the seed.
    case fraction(Double)
  }

  public enum AugmentationChoice: String, Codable, CaseIterable, Sendable {
    case none, standard
  }

  /// The image folder.
  public var data: String
  /// The network to train from scratch; nil where a checkpoint says it.
  public var architecture: String?
  /// The checkpoint to begin from; nil for training from scratch.
  public var checkpoint: String?
  public var epochs: Int
  public var batchSize = 32
  public var optimizer: OptimizerConfiguration
  public var schedule: Schedule
  /// Layers with settings of their own; the first group that matches a parameter counts.
  public var groups: [ParameterGroup] = []
  /// Patterns of what is frozen, or `backbone` alone.
  public var freeze: [String] = []
  /// The side of the images; nil for the checkpoint's, or else the architecture's.
  public var imageSize: Int?
  public var augmentation: AugmentationChoice
  /// The share of an image's area that RandomResizedCrop takes at the least.
  public var cropScale = 0.08
  /// Whether images are evaluated on their centre, as torchvision does, instead of on the largest square.
  public var hasCropMargin = true
  public var usesFeatureCache = true
  public var validation: Validation?
  public var seed: UInt64 = 0
  public var workers: Int
  public var threads: Int
  /// The most images of each class; nil for all.
  public var limit: Int?

  public init(
    data: String, architecture: String? = nil, checkpoint: String? = nil, epochs: Int,
    optimizer: OptimizerConfiguration, schedule: Schedule, augmentation: AugmentationChoice, workers: Int = 2,
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

  /// Whether exactly the backbone is frozen.
  public var freezesBackbone: Bool { freeze == ["backbone"] }

  /// Refuses numbers that no run can be made with.
  public func validate() throws {
    try optimizer.validate()
    try schedule.validate()
    for group in groups { try group.validate() }
    try TrainingFault.check("number of epochs", epochs, (1...100_000).contains(epochs), "1 to 100000")
    try TrainingFault.check("batch size", batchSize, (1...65_536).contains(batchSize), "1 to 65536")
    try TrainingFault.check("crop scale", cropScale, cropScale > 0 && cropScale <= 1, "above 0 and at most 1")
    try TrainingFault.check("number of workers", workers, (1...256).contains(workers), "1 to 256")
    try TrainingFault.check("number of threads", threads, (1...1024).contains(threads), "1 to 1024")
    if let imageSize {
      try TrainingFault.check("image size", imageSize, (1...ImageSize.maximumSide).contains(imageSize), "1 to 8192")
    }
    if let limit { try TrainingFault.check("limit", limit, limit >= 1, "at least 1") }
    if case .fraction(let share)? = validation {
      try TrainingFault.check("validation share", share, share > 0 && share < 1, "between 0 and 1")
    }
  }
}
