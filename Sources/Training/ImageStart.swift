import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The images of a run, in their parts.
struct ImageParts {
  let training: ImageFolder
  let validation: ImageFolder
  let test: ImageFolder?
  /// How packed pictures are prepared by default; nil for photographs.
  let preprocessing: Preprocessing?

  init(_ options: TrainingOptions) throws {
    let dataset = try ImageDataset(options.data, limit: options.limit)
    preprocessing = dataset.ownPreprocessing
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

/// A classifier of images ready to be trained, and what its checkpoints say about it.
struct ImageStart {
  private let model: any Classifier
  private let preprocessing: Preprocessing
  private let metadata: Checkpoint.Metadata
  private let options: TrainingOptions
  private let data: ImageParts

  init(_ beginning: Beginning, options: TrainingOptions, data: ImageParts) throws {
    self.options = options
    self.data = data
    let classes = data.training.classes
    switch beginning {
    case .source(.scratch(let architecture)):
      guard architecture.kinds.contains(.images), let side = architecture.imageSize else {
        throw ArchitectureFault.unsuited(architecture: architecture.name, kinds: architecture.kinds, data: .images)
      }
      preprocessing = Self.sized(
        data.preprocessing.map { own in options.imageSize.map(own.withSize) ?? own }
          ?? Self.photographic(architecture, size: options.imageSize ?? side), options)
      let fitted = try architecture.build(fitting: Self.input(preprocessing))
      model = try architecture.classifier(fitted).replacingHead(classes: classes.count, seed: options.seed)
      model.initialize(seed: options.seed)
      metadata = try Self.describe(Checkpoint.Metadata(), architecture, classes, preprocessing)
    case .source(.checkpoint(let checkpoint, let path)):
      let loaded = try Zoo.classifier(from: checkpoint, seed: options.seed, path: path)
      guard var stored = try checkpoint.preprocessing() else {
        throw TrainingFault.unknownPreprocessing(path: path)
      }
      if let size = options.imageSize { stored = stored.withSize(size) }
      preprocessing = Self.sized(stored, options)
      _ = try loaded.architecture.build(
        configuration: checkpoint.metadata.configuration, input: Self.input(preprocessing))
      model = loaded.model.replacingHead(classes: classes.count, seed: options.seed)
      var known = checkpoint.metadata
      known.extra["from"] = path
      metadata = try Self.describe(known, loaded.architecture, classes, preprocessing)
    case .saved(let checkpoint, let path):
      guard checkpoint.metadata.classes == classes else {
        throw TrainingFault.unusableState(reason: "the folder \(options.data) has other classes now")
      }
      model = try Zoo.classifier(from: checkpoint, path: path).model
      guard let stored = try checkpoint.preprocessing() else {
        throw TrainingFault.unusableState(reason: "\(path) does not say how its images are prepared")
      }
      preprocessing = stored
      metadata = checkpoint.metadata
    }
    try model.freeze(options)
    try TrainingFault.check(
      "batch size", options.batchSize, options.batchSize > 1 || !model.learnsFromStatistics,
      "at least 2 for a network with batch normalisation")
  }

  private static func describe(
    _ known: Checkpoint.Metadata, _ architecture: Architecture, _ classes: [String], _ preprocessing: Preprocessing
  ) throws -> Checkpoint.Metadata {
    var metadata = known
    metadata.architecture = architecture.name
    metadata.classes = classes
    metadata.headAbsent = false
    metadata.metrics = nil
    metadata.preprocessing = try json(preprocessing)
    metadata.frozen = nil
    return metadata
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

  /// - Parameter path: the folder of the run.
  func task(at path: String, _ report: @escaping (String) -> Void) -> any TrainingTask {
    // Opens the existential: the task is generic over the model.
    func open(_ model: some Classifier) -> any TrainingTask {
      ImageTask(
        model: model, options: options, data: data, preprocessing: preprocessing, metadata: metadata, folder: path,
        report: report)
    }
    return open(model)
  }
}

extension Network {
  /// Freezes what the options say, and nothing else.
  func freeze(_ options: TrainingOptions) throws {
    if options.freezesBackbone {
      freezeBackbone()
    } else {
      try freeze(options.freeze)
    }
  }
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
