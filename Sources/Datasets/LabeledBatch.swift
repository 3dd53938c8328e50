import AviaryTensors

/// Inputs of a network, and what it is to make of them.
public struct LabeledBatch<Inputs> {
  /// What the network is given.
  public var inputs: Inputs
  /// What it is to make of them.
  public var target: Target

  /// What a network is to make of inputs.
  public enum Target: Sendable {
    /// [N], the class of each item.
    case classes(IntTensor)
    /// [N, outputs], the numbers to be estimated of each item.
    case numbers(Tensor)
    /// [N, T], the class of each step of each item; below zero where an item has no such step.
    case steps(IntTensor)
  }

  /// Inputs with their target.
  public init(_ inputs: Inputs, _ target: Target) {
    self.inputs = inputs
    self.target = target
  }

  /// The number of items.
  public var count: Int {
    switch target {
    case .classes(let labels): labels.scalars.count
    case .numbers(let numbers): numbers.shape[0]
    case .steps(let labels): labels.shape[0]
    }
  }
}

/// Inputs in memory, any of which can share a batch.
public protocol ExampleInputs: Equatable, Sendable {
  /// What a network is given, for instance a tensor [N, F].
  associatedtype Batch

  /// The number of inputs.
  var count: Int { get }
  /// The inputs at the places given.
  func batch(_ places: [Int]) -> Batch
  /// The same of inputs of which some come several times in an epoch: their random changes should be others each time. By
  /// default they are the same.
  ///
  /// - Parameter draws: of each, how many times it came before in the epoch.
  func batch(_ places: [Int], draws: [Int]) -> Batch
  /// How many fit into a batch of reasonable size.
  var mostAtOnce: Int { get }
  /// What a person should know about inputs, which may be in several parts, a line each.
  static func remarks(on parts: [Self]) -> [String]
  /// The inputs as training sees them in an epoch; they stay as many.
  func inEpoch(_ epoch: Int) -> Self
  /// Adds what a run depends on. The parts are those that are there.
  static func add(_ parts: [Examples<Self>], to fingerprint: inout DataFingerprint)
}

extension ExampleInputs {
  public var mostAtOnce: Int { 1024 }
  public static func remarks(on parts: [Self]) -> [String] { [] }
  /// What a person should know about them, a line each.
  public var remarks: [String] { Self.remarks(on: [self]) }
  public func inEpoch(_ epoch: Int) -> Self { self }
  public func batch(_ places: [Int], draws: [Int]) -> Batch { batch(places) }
}

/// Examples in memory: inputs, each with a class or with numbers.
public struct Examples<Inputs: ExampleInputs>: LabeledDataset, Equatable {
  /// The inputs.
  public var inputs: Inputs
  /// The class of each; empty for regression.
  public var labels: [Int32]
  /// The numbers of each, equally many, one example's after the other's; empty for classification.
  public var targets: [Float]
  /// The class of each step of each; nil where an example has one answer.
  public var steps: TextSequences?

  /// Inputs with a class or with numbers for each.
  public init(_ inputs: Inputs, labels: [Int32] = [], targets: [Float] = [], steps: TextSequences? = nil) {
    self.inputs = inputs
    self.labels = labels
    self.targets = targets
    self.steps = steps
  }

  public var count: Int { inputs.count }

  public var classLabels: [Int32] { labels }

  /// An example that is due.
  public struct Item: Sendable {
    fileprivate let place: Int
    /// How many times it came before in the epoch.
    fileprivate let draw: Int
  }

  public func item(at place: Int, epoch: Int) -> Item { Item(place: place, draw: 0) }

  public func item(at place: Int, epoch: Int, draw: Int) -> Item { Item(place: place, draw: draw) }

  public func inEpoch(_ epoch: Int) -> Examples<Inputs> {
    Examples(inputs.inEpoch(epoch), labels: labels, targets: targets, steps: steps)
  }

  public func batch(of items: [Item]) -> LabeledBatch<Inputs.Batch> {
    let places = items.map(\.place)
    return LabeledBatch(inputs.batch(places, draws: items.map(\.draw)), target(of: places))
  }

  /// The examples at the places given.
  public func batch(of places: [Int]) -> LabeledBatch<Inputs.Batch> {
    LabeledBatch(inputs.batch(places), target(of: places))
  }

  private func target(of places: [Int]) -> LabeledBatch<Inputs.Batch>.Target {
    if let steps { return .steps(steps.batch(places, padding: -1).tokens) }
    guard labels.isEmpty else { return .classes(IntTensor(places.map { labels[$0] })) }
    let width = targetWidth
    let chosen = places.flatMap { targets[$0 * width..<($0 + 1) * width] }
    return .numbers(Tensor(chosen, shape: [places.count, width]))
  }

  /// How many numbers an example has.
  public var targetWidth: Int { targets.count / max(1, inputs.count) }
}

extension DatasetParts {
  /// Checksums of the parts.
  public func fingerprint<Inputs>() -> DataFingerprint where Part == Examples<Inputs> {
    var fingerprint = DataFingerprint()
    Inputs.add(all, to: &fingerprint)
    return fingerprint
  }
}

/// Rows of numbers of one shape, such as the elements of an array in memory.
public struct TensorRows: ExampleInputs {
  /// Row-major: one after the other.
  public let values: [Float]
  /// The shape of one of them.
  public let shape: [Int]

  /// - Parameter tensor: [N, …]
  public init(_ tensor: Tensor) {
    values = tensor.scalars
    shape = Array(tensor.shape.dropFirst())
  }

  private var size: Int { shape.reduce(1, *) }

  /// The number of rows.
  public var count: Int { values.count / max(1, size) }

  /// [N, …] of those at the places given.
  public func batch(_ places: [Int]) -> Tensor {
    var chosen: [Float] = []
    chosen.reserveCapacity(places.count * size)
    for place in places { chosen += values[place * size..<(place + 1) * size] }
    return Tensor(chosen, shape: [places.count] + shape)
  }

  public static func add(_ parts: [Examples<TensorRows>], to fingerprint: inout DataFingerprint) {
    for part in parts {
      fingerprint.add(part.inputs.values)
      fingerprint.add(part.labels)
      fingerprint.add(part.targets)
    }
  }
}
