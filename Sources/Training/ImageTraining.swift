import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a run came to.
public struct TrainingReport {
  /// Nil where the run was interrupted before its end.
  public var summary: RunSummary?
  public var interrupted: Bool
  public var folder: String
}

/// Training a classifier on a folder of images, from nothing or from a checkpoint.
public enum ImageTraining {
  /// What a run begins with.
  public enum Source {
    case scratch(Architecture)
    /// Weights whose head is replaced by one for the folder's classes; `path` is the file's name.
    case checkpoint(Checkpoint, path: String)
  }

  /// Begins a run in the folder `path`. Nothing is written before options, data and model have been checked.
  ///
  /// - Parameter report: is told what a person should know, a line at a time.
  public static func start(
    _ options: TrainingOptions, from source: Source, at path: String, report: @escaping (String) -> Void
  ) throws -> TrainingReport {
    try options.validate()
    Compute.threads = options.threads
    let data = try TrainingData(options)
    let start = try StartingPoint(source, options: options, classes: data.training.classes)
    let folder = try RunFolder(creating: path, options: options)
    return try start.run(options, data, folder, from: LoopState(), optimizerState: [:], report)
  }

  /// Goes on with the run in the folder `path` as if it had never stopped.
  public static func resume(at path: String, report: @escaping (String) -> Void) throws -> TrainingReport {
    let folder = try RunFolder(resuming: path)
    let options: TrainingOptions = try folder.readOptions()
    try options.validate()
    Compute.threads = options.threads
    let data = try TrainingData(options)
    guard folder.hasState else {
      let start = try StartingPoint(try source(of: options), options: options, classes: data.training.classes)
      return try start.run(options, data, folder, from: LoopState(), optimizerState: [:], report)
    }
    let checkpoint = try Checkpoint.read(from: folder.last)
    guard let state = checkpoint.trainingState, let text = state.state else {
      throw TrainingFault.unusableState(reason: "\(folder.last) holds no training state")
    }
    let start = try StartingPoint(resuming: checkpoint, options: options, path: folder.last)
    guard checkpoint.metadata.classes == data.training.classes else {
      throw TrainingFault.unusableState(reason: "the folder \(options.data) has other classes now")
    }
    return try start.run(
      options, data, folder, from: try LoopState(json: text), optimizerState: state.optimizer, report)
  }

  /// A run that was killed before its first state was saved begins again from what its options name.
  private static func source(of options: TrainingOptions) throws -> Source {
    if let path = options.checkpoint { return .checkpoint(try Checkpoint.read(from: path), path: path) }
    return .scratch(try Zoo.architecture(named: options.architecture ?? ""))
  }
}

/// The images of a run, in their parts.
struct TrainingData {
  let training: ImageFolder
  let validation: ImageFolder
  let test: ImageFolder?

  init(_ options: TrainingOptions) throws {
    let dataset = try ImageDataset(options.data, limit: options.limit)
    test = dataset.test
    switch (options.validation, dataset.validation) {
    case (.folder(let path), _):
      training = dataset.training
      validation = try ImageFolder(path, classes: dataset.classes, limit: options.limit)
    case (nil, let given?):
      training = dataset.training
      validation = given
    case (.fraction(let share), _):
      (training, validation) = try dataset.training.stratifiedSplit(fraction: share, seed: options.seed)
    case (nil, nil):
      (training, validation) = try dataset.training.stratifiedSplit(fraction: 0.1, seed: options.seed)
    }
  }
}

/// A model ready to be trained, and what its checkpoints say about it.
struct StartingPoint {
  let model: any Classifier
  let preprocessing: Preprocessing
  let metadata: Checkpoint.Metadata

  init(_ source: ImageTraining.Source, options: TrainingOptions, classes: [String]) throws {
    var metadata = Checkpoint.Metadata()
    let architecture: Architecture
    switch source {
    case .scratch(let given):
      architecture = given
      preprocessing = Self.sized(.torchvision(size: options.imageSize ?? given.imageSize), options)
      model = try given.build(input: Self.input(preprocessing)).replacingHead(
        classes: classes.count, seed: options.seed)
      model.initialize(seed: options.seed)
    case .checkpoint(let checkpoint, let path):
      let loaded = try Zoo.model(from: checkpoint, seed: options.seed, path: path)
      architecture = loaded.architecture
      guard var stored = try checkpoint.preprocessing() else {
        throw TrainingFault.unknownPreprocessing(path: path)
      }
      if let size = options.imageSize { stored = stored.withSize(size) }
      preprocessing = Self.sized(stored, options)
      _ = try architecture.build(
        configuration: checkpoint.metadata.configuration, input: Self.input(preprocessing))
      model = loaded.model.replacingHead(classes: classes.count, seed: options.seed)
      metadata = checkpoint.metadata
      metadata.extra["from"] = path
    }
    try Self.freeze(model, options)
    try TrainingFault.check(
      "batch size", options.batchSize, options.batchSize > 1 || !model.learnsFromStatistics,
      "at least 2 for a network with batch normalisation")
    metadata.architecture = architecture.name
    metadata.classes = classes
    metadata.headAbsent = false
    metadata.metrics = nil
    metadata.preprocessing = try json(preprocessing)
    metadata.frozen = nil
    self.metadata = metadata
  }

  init(resuming checkpoint: Checkpoint, options: TrainingOptions, path: String) throws {
    model = try Zoo.model(from: checkpoint, path: path).model
    guard let stored = try checkpoint.preprocessing() else {
      throw TrainingFault.unusableState(reason: "\(path) does not say how its images are prepared")
    }
    preprocessing = stored
    metadata = checkpoint.metadata
    try Self.freeze(model, options)
  }

  private static func freeze(_ model: any Classifier, _ options: TrainingOptions) throws {
    if options.freezesBackbone {
      model.freezeBackbone()
    } else {
      try model.freeze(options.freeze)
    }
  }

  private static func sized(_ preprocessing: Preprocessing, _ options: TrainingOptions) -> Preprocessing {
    guard !options.hasCropMargin, let size = preprocessing.outputSize else { return preprocessing }
    var tight = preprocessing
    tight.resize = .shorterSide(min(size.height, size.width))
    return tight
  }

  /// [C, H, W] as the network will get it.
  private static func input(_ preprocessing: Preprocessing) throws -> [Int] {
    guard let size = try preprocessing.validated().outputSize else { throw PreprocessingError.noFixedSize }
    return [preprocessing.channels.count, size.height, size.width]
  }

  func run(
    _ options: TrainingOptions, _ data: TrainingData, _ folder: RunFolder, from state: LoopState,
    optimizerState: [String: Checkpoint.TrainingState.Slots], _ report: @escaping (String) -> Void
  ) throws -> TrainingReport {
    let optimizer = try Optimizer(options.optimizer, groups: options.groups)
    try optimizer.restore(optimizerState, for: model.parameters, path: folder.last)
    // Opens the existential: the run is generic over the model.
    func open(_ model: some Classifier) throws -> TrainingReport {
      try ImageRun(
        model: model, optimizer: optimizer, options: options, data: data, preprocessing: preprocessing,
        metadata: metadata, folder: folder, report: report
      ).run(from: state)
    }
    return try open(model)
  }
}

extension Classifier {
  /// Whether anything in the network normalises by the statistics of the batch, which one image alone may not have.
  var learnsFromStatistics: Bool { inventory.cells.contains { $0.cell is Buffer && !$0.cell.isFrozen } }
}

extension Checkpoint {
  /// How the images were prepared that the weights know; nil where the file does not say.
  public func preprocessing() throws -> Preprocessing? {
    guard let text = metadata.preprocessing else { return nil }
    do {
      return try JSONDecoder().decode(Preprocessing.self, from: Data(text.utf8)).validated()
    } catch let fault as PreprocessingError {
      throw fault
    } catch {
      throw TrainingFault.unreadablePreprocessing(text: text)
    }
  }
}
