import AviaryCheckpoints
import AviaryDatasets
import AviaryKernels
import AviaryLayers

/// Everything that a training run is told: what all runs share, and what the kind of data adds. It is kept in the run's
/// folder, so that resuming needs no more.
public struct TrainingOptions: Equatable, Sendable {
  /// What a run is validated on.
  public enum Validation: Codable, Equatable, Sendable {
    /// A folder of its own; by default `valid/` where the data has one.
    case folder(String)
    /// A share of the training items, drawn from the seed; images and rows are stratified by class.
    case fraction(Double)
  }

  /// The path of the data; empty for data in memory. See `DataSource`.
  public var data = ""
  /// The network to train from scratch; nil where a checkpoint says it.
  public var architecture: String?
  /// Values of the network's configuration other than the published ones, for training from scratch.
  public var configuration: [ConfigurationChange] = []
  /// The checkpoint to start from; nil for training from scratch.
  public var checkpoint: String?
  /// How it is read, where its file does not say it all.
  public var reading = SourceReading()
  /// Whether the checkpoint's head is replaced even where it predicts what the data ask for.
  public var replacesHead = false
  /// How often the training set is gone through.
  public var epochs: Int
  /// The number of items that a step learns from.
  public var batchSize = 32
  /// What changes the parameters.
  public var optimizer: OptimizerConfiguration
  /// How the learning rate changes.
  public var schedule: Schedule
  /// Layers with settings of their own; the first group that matches a parameter applies.
  public var groups: [ParameterGroup] = []
  /// The learning rate of each layer as a share of its successor's, from the head down: see
  /// `ParameterGroup.layerwiseDecay(of:headPath:order:factor:)`. It multiplies what a group says, unless the group has a
  /// learning rate of its own; nil for 1.
  public var layerwiseDecay: Double?
  /// How large gradients may be; nil for any size.
  public var clipping: GradientClipping?
  /// What is made small; nil for what the data suggest.
  public var loss: TrainingLoss?
  /// How classes are learned that are rare, or whose labels are uncertain.
  public var classes = ClassOptions()
  /// What chooses the best epoch; nil for the accuracy, of which equal ones are told apart by their loss, or else the loss.
  public var monitor: Monitor?
  /// An epoch becomes the best if it is better by more than this.
  public var minimumDelta = 0.0
  /// When the run stops before its last epoch; nil for never.
  public var earlyStopping: EarlyStopping?
  /// The decay of a moving average of the weights, which is then validated and kept as the best; nil for none.
  public var weightAverageDecay: Double?
  /// The number of batches from which the statistics of batch normalisation are re-estimated, without dropout, before
  /// each validation; nil for 20 where dropout comes before a normalisation, else none.
  public var statisticsBatches: Int?
  /// What is frozen: see `LayerPattern`.
  public var freeze: [String] = []
  /// What alone is trained, in the same words, and everything else is frozen; empty for whatever `freeze` leaves.
  public var trainOnly: [String] = []
  /// Frozen layers that are trained from a later epoch on.
  public var unfreezing: [Unfreezing] = []
  /// After every so many epochs the weights are kept in a file of their own: `epoch-003.h5`; nil for never.
  public var saveEvery: Int?
  /// How the run learns, beside its optimizer and its schedule.
  public var learning = LearningSettings()
  /// nil for the data's own validation part, or else a share that depends on the kind of data.
  public var validation: Validation?
  /// How else the data are divided.
  public var parts = PartOptions()
  /// Several runs, each on other parts of the data; nil for one run.
  public var members: MemberOptions?
  /// Processes that learn together; nil for one.
  public var processes: ProcessOptions?
  /// The seed of everything random.
  public var seed: UInt64 = 0
  /// The threads that prepare data.
  public var workers: Int
  /// The threads that compute.
  public var threads: Int
  /// The precision of the products of convolutions, linear maps and matrices; that of the scope in which the options are made,
  /// whatever scope the run is in. Weights, gradients and checkpoints are of float32.
  public var precision = Compute.precision
  /// What the kind of data adds; nil for what is detected at `data`, with its defaults.
  public var kind: DataOptions?
  /// How the run is watched.
  public var watching = WatchingOptions()
  /// The command line that began the run, for people who want to repeat it; nil where a program did.
  public var command: String?

  /// Options; those that are left out have their defaults.
  public init(
    data: String = "", architecture: String? = nil, checkpoint: String? = nil, epochs: Int,
    optimizer: OptimizerConfiguration, schedule: Schedule = .constant, augmentation: Augmentation? = nil,
    workers: Int = 2, threads: Int = Compute.threads
  ) {
    self.data = data
    self.architecture = architecture
    self.checkpoint = checkpoint
    self.epochs = epochs
    self.optimizer = optimizer
    self.schedule = schedule
    self.workers = workers
    self.threads = threads
    if augmentation != nil { images.augmentation = augmentation }
  }

  /// The options of images; those of another kind are replaced where they are set.
  public var images: ImageOptions {
    get { if case .images(let options)? = kind { options } else { ImageOptions() } }
    set { kind = .images(newValue) }
  }

  /// The options with what is detected at `data`, where nothing is said.
  func detected() throws -> (options: TrainingOptions, kind: DataOptions) {
    let found = try DataSource.kind(of: data)
    if let kind, kind.suits(found) { return (self, kind) }
    var options = self
    let kind: DataOptions
    switch found {
    case .images: kind = .images(ImageOptions())
    case .text: kind = .text(TextOptions())
    case .graphs: kind = .graph(GraphOptions())
    case .tables: throw TrainingFault.noTarget(path: data)
    }
    options.kind = kind
    return (options, kind)
  }

  /// The groups of a model's parameters: those named, with the layer-wise decay worked in, then those of the decay alone.
  ///
  /// - Parameter order: observes the order in which the layers run; it is called for the layer-wise decay only.
  func groups(for model: some Layer, order: () throws -> [String]) throws -> [ParameterGroup] {
    guard let factor = layerwiseDecay else { return groups }
    let headPath = (model as? any Network)?.headPath
    let decay = ParameterGroup.layerwiseDecay(of: model, headPath: headPath, order: try order(), factor: factor)
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
  public var freezesBackbone: Bool { trainOnly.isEmpty ? freeze == ["backbone"] : trainOnly == ["head"] }

  /// The first option that several processes cannot follow together.
  var unshared: String? {
    var given: [(String, Bool)] = [
      ("--dropblock", learning.dropBlock != nil), ("--folds, --repeats, --members or --bootstrap", members != nil),
      ("--tensorboard", watching.tensorBoard != nil),
    ]
    if case .images(let images)? = kind {
      given += [("--mixup", images.mixup > 0), ("--cutmix", images.cutMix > 0)]
    }
    return given.first { $0.1 }?.0
  }

  var choice: BestChoice { BestChoice(monitor, minimumDelta: minimumDelta) }

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
    try classes.validate()
    try learning.validate()
    try TrainingFault.check(
      "minimum delta", minimumDelta, minimumDelta >= 0 && minimumDelta.isFinite, "0 or more")
    try earlyStopping?.validate()
    if let statisticsBatches {
      try TrainingFault.check(
        "number of batches for statistics", statisticsBatches, (0...1 << 20).contains(statisticsBatches), "0 to 1048576"
      )
    }
    if let weightAverageDecay { try WeightAverage.check(decay: weightAverageDecay) }
    try TrainingFault.check("number of epochs", epochs, (1...100_000).contains(epochs), "1 to 100000")
    if case .cyclic(let cycles, _) = schedule.shape {
      try TrainingFault.check("number of cycles", cycles, cycles <= epochs, "at most the \(epochs) epochs")
    }
    try TrainingFault.check("batch size", batchSize, (1...65_536).contains(batchSize), "1 to 65536")
    try TrainingFault.check("number of workers", workers, (1...256).contains(workers), "1 to 256")
    guard precision.isAvailable else {
      throw TrainingFault.invalidSetting(
        name: "precision", value: precision.rawValue, allowed: "f32; this processor has no instructions for bf16")
    }
    try TrainingFault.check("number of threads", threads, (1...1024).contains(threads), "1 to 1024")
    try TrainingFault.check(
      "freeze beside trainOnly", freeze.joined(separator: ","), freeze.isEmpty || trainOnly.isEmpty,
      "empty where the other is not")
    for layers in unfreezing { try layers.validate() }
    if let saveEvery {
      try TrainingFault.check(
        "number of epochs to save after", saveEvery, (1...100_000).contains(saveEvery), "1 to 100000")
    }
    if let every = watching.logEvery {
      try TrainingFault.check("number of steps to log after", every, every > 0, "above 0")
    }
    try kind?.validate()
    try parts.validate()
    try members?.validate()
    if case .fraction(let share)? = validation {
      try TrainingFault.check("validation share", share, share > 0 && share < 1, "between 0 and 1")
    }
  }
}
