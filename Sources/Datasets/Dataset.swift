/// Items for training or evaluation: the shape of anybody's data. `DataLoader` makes batches of them.
///
/// ```swift
/// struct Recordings: Dataset {
///   let files: [String]
///   let labels: [Int32]
///   var count: Int { files.count }
///   func item(at place: Int, epoch: Int) throws -> (Int, [Float]) { (place, try samples(of: files[place])) }
///   func batch(of items: [(Int, [Float])]) -> LabeledBatch<Tensor> {
///     let inputs = Tensor(items.flatMap(\.1), shape: [items.count, items[0].1.count])
///     return LabeledBatch(inputs, .classes(IntTensor(items.map { labels[$0.0] })))
///   }
/// }
/// ```
public protocol Dataset: Sendable {
  /// What is prepared of one item ahead of time.
  associatedtype Item: Sendable
  /// What a step learns from.
  associatedtype Batch

  /// The number of items.
  var count: Int { get }
  /// Reads and prepares an item, on a thread of the loader's own. The result depends on the place and on the epoch, which
  /// keys random changes, and on nothing else: then a run that is resumed continues exactly.
  ///
  /// - Throws: what cannot be read. It ends the epoch and the run.
  func item(at place: Int, epoch: Int) throws -> Item
  /// The same of an item that comes several times in an epoch, as samplers draw items of rare classes: its random changes
  /// should be others each time. By default they are the same.
  ///
  /// - Parameter draw: how many times it came before in the epoch.
  func item(at place: Int, epoch: Int, draw: Int) throws -> Item
  /// Joins items into a batch, on the thread that takes it.
  func batch(of items: [Item]) throws -> Batch
  /// The dataset as training sees it in an epoch, for data in memory that change from epoch to epoch. It has as many items,
  /// in the same places.
  func inEpoch(_ epoch: Int) -> Self
}

extension Dataset {
  public func inEpoch(_ epoch: Int) -> Self { self }
  public func item(at place: Int, epoch: Int, draw: Int) throws -> Item { try item(at: place, epoch: epoch) }
}

/// A dataset that knows the class of each item without reading it, so that items can be drawn by their class.
public protocol LabeledDataset: Dataset {
  /// The class of each item; empty where items have none.
  var classLabels: [Int32] { get }
}

/// Some of the items of a dataset.
public struct Subset<Base: Dataset>: Dataset {
  /// The whole.
  public let base: Base
  /// The items' places in the whole.
  public let places: [Int]

  /// The items at the places given.
  public init(_ base: Base, _ places: [Int]) {
    self.base = base
    self.places = places
  }

  public var count: Int { places.count }

  public func inEpoch(_ epoch: Int) -> Subset<Base> { Subset(base.inEpoch(epoch), places) }

  public func item(at place: Int, epoch: Int) throws -> Base.Item { try base.item(at: places[place], epoch: epoch) }

  public func item(at place: Int, epoch: Int, draw: Int) throws -> Base.Item {
    try base.item(at: places[place], epoch: epoch, draw: draw)
  }

  public func batch(of items: [Base.Item]) throws -> Base.Batch { try base.batch(of: items) }
}

extension Subset: LabeledDataset where Base: LabeledDataset {
  public var classLabels: [Int32] {
    let labels = base.classLabels
    return labels.isEmpty ? [] : places.map { labels[$0] }
  }
}

/// The parts of the data: for training, for choosing the best epoch, and for one score at the end.
public struct DatasetParts<Part: Sendable>: Sendable {
  /// For training.
  public var training: Part
  /// nil where nothing is held out.
  public var validation: Part?
  /// For one score at the end; nil where nothing is held out.
  public var test: Part?
  /// The number of items left out because they lack something.
  public var skipped: Int
  /// What a bootstrap sample of the items for training did not draw; nil where none was drawn.
  public var outOfBag: Part?

  /// Parts that are divided already.
  public init(training: Part, validation: Part? = nil, test: Part? = nil, skipped: Int = 0) {
    self.training = training
    self.validation = validation
    self.test = test
    self.skipped = skipped
  }

  /// Those of the three that are there.
  public var all: [Part] { [training, validation, test].compactMap { $0 } }
}

extension DatasetParts {
  /// Holds out shares of a dataset, drawn from the seed.
  ///
  /// - Parameters:
  ///   - labels: the class of each item, for parts in which every class has its share; nil draws among all alike.
  ///   - validation: the share held out for validation, 0 for none.
  ///   - test: the share held out for the test, 0 for none.
  public init<Base>(
    splitting data: Base, labels: [Int32]? = nil, validation: Double = 0.1, test: Double = 0, seed: UInt64 = 0
  ) throws(SplitFault) where Part == Subset<Base> {
    let labels = labels?.map(Int.init) ?? Array(repeating: 0, count: data.count)
    let classes = (0...(labels.max() ?? 0)).map(String.init)
    let split = try DataSplit(labels: labels, classes: classes, validation: validation, test: test, seed: seed)
    func part(_ places: [Int]) -> Subset<Base>? { places.isEmpty ? nil : Subset(data, places) }
    self.init(
      training: Subset(data, split.training), validation: part(split.validation), test: part(split.test))
  }
}
