import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// A classifier of images in use: its network, the names of its classes, and how images become its input.
///
/// ```swift
/// let predictor = try ImagePredictor(Checkpoint.read(from: "pets.h5"), registry: .zoo, path: "pets.h5")
/// for answer in try predictor.predict(file: "photo.jpg").prefix(3) { print(answer.name, answer.probability) }
/// ```
public struct ImagePredictor {
  /// One class with its probability.
  public struct Answer: Equatable, Sendable {
    /// The name of the class.
    public let name: String
    /// From 0 to 1.
    public let probability: Float
  }

  /// The network.
  public let model: any Classifier
  /// What is known of the network.
  public let architecture: Architecture
  /// What the checkpoint says about its weights.
  public let metadata: Checkpoint.Metadata
  /// One name for each of the head's outputs: the checkpoint's, or else `class 0` and so on.
  public let classes: [String]
  /// How data become the network's input.
  public let preprocessing: Preprocessing
  /// Which class is predicted of the probabilities: the checkpoint's.
  public let decision: ClassDecision

  /// - Parameters:
  ///   - checkpoint: one that knows its network and how its images are prepared.
  ///   - registry: the networks that it may name.
  ///   - needsHead: whether a checkpoint without a head is refused; otherwise it has only `features`.
  ///   - path: the file's, for faults.
  /// - Throws: `PredictionFault`, or what the network or the preprocessing has against the checkpoint.
  public init(
    _ checkpoint: Checkpoint, registry: Registry, allowing allowances: Set<Allowance> = [], needsHead: Bool = true,
    path: String
  ) throws {
    metadata = checkpoint.metadata
    decision = metadata.decision
    if needsHead, metadata.headAbsent { throw PredictionFault.headAbsent(path: path) }
    guard let name = metadata.architecture else { throw registry.unnamed(checkpoint) }
    let known = try registry.architecture(named: name)
    guard known.kinds.contains(.images) else {
      throw ArchitectureFault.unsuited(architecture: name, kinds: known.kinds, data: .images)
    }
    guard let stored = try checkpoint.preprocessing() else { throw PredictionFault.noPreprocessing(path: path) }
    preprocessing = stored
    (model, architecture, _) = try registry.classifier(from: checkpoint, allowing: allowances, path: path)
    let count = model.configuration.outputs
    if let names = metadata.classes, names.count != count, !metadata.headAbsent {
      throw PredictionFault.classCount(path: path, names: names.count, outputs: count)
    }
    classes = metadata.classes ?? (0..<count).map { "class \($0)" }
    if let size = preprocessing.outputSize { try check(size) }
  }

  /// Whether the checkpoint names its classes itself.
  public var namesClasses: Bool { metadata.classes != nil }

  /// Refuses images that are too small for the network, or have other channels than it takes.
  public func check(_ size: ImageSize) throws(ArchitectureFault) {
    _ = try architecture.build(
      configuration: metadata.configuration, input: [preprocessing.channels.count, size.height, size.width])
  }

  // MARK: Answers

  /// The classes of an image, the predicted one first: the most probable, unless the checkpoint has thresholds.
  public func predict(file path: String) throws(PredictionFault) -> [Answer] {
    let image: DecodedImage
    do throws(ImageDecodingFault) {
      image = try DecodedImage(contentsOf: path)
    } catch {
      throw .unreadable(error)
    }
    return try predict(image, path: path)
  }

  /// The same for an image in memory.
  ///
  /// - Parameter path: what it is called, for faults.
  public func predict(_ image: DecodedImage, path: String = "image") throws(PredictionFault) -> [Answer] {
    let (inputs, fault) = prepared(image)
    if let fault { throw .unsuited(path: path, fault) }
    guard let answers = answers(inputs)[0] else { throw .notFinite(of: path, model) }
    return answers
  }

  /// The classes of many images, in their order, decoded ahead by `workers` threads.
  ///
  /// - Parameter progress: is told how many images are done.
  public func predict(
    files paths: [String], workers: Int = 1, progress: (Int) -> Void = { _ in }
  ) throws -> [Result<[Answer], PredictionFault>] {
    try predict(paths.map { ImageEntry(path: $0, label: 0) }, workers: workers, progress: progress)
  }

  /// The same for the images of an `ImageSelection`.
  public func predict(
    _ entries: [ImageEntry], workers: Int = 1, progress: (Int) -> Void = { _ in }
  ) throws -> [Result<[Answer], PredictionFault>] {
    var results: [Result<[Answer], PredictionFault>] = Array(repeating: .success([]), count: entries.count)
    let skipped = try forEachBatch(entries, workers: workers, progress: progress) { batch in
      for (index, answers) in zip(batch.indices, answers(batch.inputs)) {
        results[index] = answers.map { .success($0) } ?? .failure(.notFinite(of: entries[index].path, model))
      }
    }
    for image in skipped { results[image.index] = .failure(image.fault) }
    return results
  }

  /// Of each row of inputs [N, C, H, W]; nil where the probabilities are no numbers.
  private func answers(_ inputs: Tensor) -> [[Answer]?] {
    let scalars = inference { softmax(logits(inputs)) }.scalars
    let count = classes.count
    return stride(from: 0, to: scalars.count, by: count).map { start in
      let probabilities = Array(scalars[start..<start + count])
      guard probabilities.allSatisfy(\.isFinite) else { return nil }
      return decision.order(probabilities).map { Answer(name: classes[$0], probability: probabilities[$0]) }
    }
  }

  /// [N, C, H, W] → [N, classes]
  public func logits(_ inputs: Tensor) -> Tensor {
    func open(_ model: some Classifier) -> Tensor { inference { model(inputs) } }
    return open(model)
  }

  /// The input of the head as one vector an image: [N, C, H, W] → [N, F]. Feature maps become their means over positions, and
  /// rows are in the order of the framework that the network comes from.
  public func features(_ inputs: Tensor) -> Tensor {
    inference {
      let features = model.features(inputs)
      return features.rank > 2
        ? features.mean(over: Array(2..<features.rank)) : model.originalOrder(ofFeatures: features)
    }
  }

  // MARK: Evaluation

  /// How well the model does on labelled images of its classes.
  ///
  /// - Parameters:
  ///   - classes: what the labels mean, in their order.
  ///   - keepsProbabilities: whether `probabilities` of the metrics are wanted, too.
  ///   - group: processes that share the work; nil for this one.
  ///   - progress: is told how many images are done.
  /// - Returns: the metrics, and the images that could not be read and were left out.
  /// - Throws: `PredictionFault`, also where a prediction is not finite.
  public func evaluate(
    _ entries: [ImageEntry], classes: [String], workers: Int = 1, keepsProbabilities: Bool = false,
    group: (any ProcessGroup)? = nil, progress: (Int) -> Void = { _ in }
  ) throws -> (metrics: ClassificationMetrics, skipped: [Skipped]) {
    let count = model.configuration.outputs
    guard classes.count == count else {
      throw PredictionFault.classCount(path: "images", names: classes.count, outputs: count)
    }
    var metrics = ClassificationMetrics(
      classes: classes, keepsProbabilities: keepsProbabilities, decision: decision)
    let compute = { (inputs: Tensor) in logits(inputs) }
    let skipped = try forEachResult(
      entries, workers: workers, group: group, progress: progress, compute: compute
    ) { batch in
      let logits = batch.values
      metrics.add(logits: logits, labels: batch.indices.map { Int32(entries[$0].label) })
      if !metrics.lossSum.isFinite {
        let row = logits.scalars.firstIndex { !$0.isFinite }.map { $0 / count } ?? 0
        throw PredictionFault.notFinite(of: entries[batch.indices[row]].path, model)
      }
    }
    return (metrics, skipped)
  }

  // MARK: Batches

  /// Images as the network takes them.
  public struct Batch {
    /// [N, C, H, W]
    public let inputs: Tensor
    /// Positions in the list of entries.
    public let indices: [Int]
  }

  /// An image without an answer.
  public struct Skipped {
    /// The position in the list of entries.
    public let index: Int
    /// Why it could not be read.
    public let fault: PredictionFault
  }

  static let batchSize = 16

  /// Calls `body` with every batch of those images that can be used, in order, and returns the others.
  ///
  /// Where the size of the inputs depends on the images, every batch is one.
  public func forEachBatch(
    _ entries: [ImageEntry], workers: Int = 1, progress: (Int) -> Void = { _ in }, _ body: (Batch) throws -> Void
  ) throws -> [Skipped] {
    try forEachBatch(entries, workers: workers, augmentation: nil, seed: 0, epoch: 0, progress: progress, body)
  }

  /// The same with random changes.
  ///
  /// - Parameters:
  ///   - augmentation: nil for none.
  ///   - seed, epoch: what the changes are keyed by, beside the image's position.
  func forEachBatch(
    _ entries: [ImageEntry], workers: Int, augmentation: Augmentation?, seed: UInt64, epoch: Int,
    progress: (Int) -> Void = { _ in }, _ body: (Batch) throws -> Void
  ) throws -> [Skipped] {
    guard augmentation != nil || (preprocessing.outputSize != nil && entries.count > 1) else {
      return try oneByOne(entries, progress: progress, body)
    }
    return try Self.forEachBatch(
      entries, preprocessing, augmentation: augmentation, seed: seed, epoch: epoch, workers: workers,
      progress: progress, body)
  }

  /// The same for images that all come to one size.
  static func forEachBatch(
    _ entries: [ImageEntry], _ preprocessing: Preprocessing, augmentation: Augmentation? = nil, seed: UInt64 = 0,
    epoch: Int = 0, workers: Int, progress: (Int) -> Void, _ body: (Batch) throws -> Void
  ) throws -> [Skipped] {
    let images = try PreparedImages(
      entries, preprocessing: preprocessing, augmentation: augmentation, seed: seed)
    var skipped: [Skipped] = []
    var done = 0
    for batch in DataLoader(
      images, batchSize: max(1, min(Self.batchSize, entries.count)), epoch: epoch,
      workers: max(1, min(workers, entries.count)))
    {
      if let inputs = batch.inputs { try body(Batch(inputs: inputs, indices: batch.indices)) }
      let size = batch.indices.count + batch.skipped.count
      let left = (done..<done + size).filter { !batch.indices.contains($0) }
      skipped += zip(left, batch.skipped).map { Skipped(index: $0, fault: .unreadable($1.reason)) }
      done += size
      progress(done)
    }
    return skipped
  }

  private func oneByOne(
    _ entries: [ImageEntry], progress: (Int) -> Void, _ body: (Batch) throws -> Void
  ) throws -> [Skipped] {
    var skipped: [Skipped] = []
    for (index, entry) in entries.enumerated() {
      let image: DecodedImage
      do throws(ImageDecodingFault) {
        image = try entry.decoded()
      } catch {
        skipped.append(Skipped(index: index, fault: .unreadable(error)))
        progress(index + 1)
        continue
      }
      let (inputs, fault) = prepared(image)
      if let fault {
        skipped.append(Skipped(index: index, fault: .unsuited(path: entry.path, fault)))
      } else {
        try body(Batch(inputs: inputs, indices: [index]))
      }
      progress(index + 1)
    }
    return skipped
  }

  /// An image as a batch of one, and why the network does not take it.
  private func prepared(_ image: DecodedImage) -> (inputs: Tensor, fault: ArchitectureFault?) {
    let sized = preprocessing.sized(image)
    do throws(ArchitectureFault) {
      try check(ImageSize(height: sized.height, width: sized.width))
    } catch {
      return (Tensor(0), error)
    }
    return (preprocessing.tensor(of: [sized]), nil)
  }
}
