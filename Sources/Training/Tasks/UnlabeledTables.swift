import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// A task for a table of a run that is learned without labels.
func unlabeledTableTask(
  _ beginning: Beginning, _ options: TrainingOptions, _ data: UnlabeledOptions, _ report: @escaping (String) -> Void
) throws -> any TrainingTask {
  let settled = ["visible", "units", "levels", "parts"]
  if let change = options.configuration.first(where: { settled.contains($0.name) }) {
    throw TrainingFault.invalidSetting(name: change.name, value: change.value, allowed: "left out: the table says it")
  }
  var known: UnlabeledPreparation?
  if let (checkpoint, path) = beginning.checkpoint {
    guard let preparation = try checkpoint.inputPreparation(), case .unlabeled(let found) = preparation else {
      let preparation = try checkpoint.inputPreparation()
      throw TrainingFault.otherKind(path: path, known: preparation?.description ?? "data that its file does not say")
    }
    known = found
  }
  let split = try RecordedSplit(
    seed: options.seed, validation: options.validationShare(), test: UnlabeledRows.testShare,
    file: DataFingerprint(file: options.data).text)
  let found = try UnlabeledRows.read(options.data, data, split, keeping: known, path: beginning.checkpoint?.path)
  for remark in found.remarks { report(remark) }
  let start = try beginning.start(
    input: [found.width], outputs: nil, changes: options.configuration + found.changes, data: found.fingerprint, options
  )
  let model = try start.model(as: (any EnergyModel).self, for: .tables)
  guard model.visibleParts == found.parts else {
    throw TrainingFault.unusableState(reason: "its network does not have the visible units of \(options.data)")
  }
  try TrainingFault.check(
    "chains", "above 0", !model.persistsChains || !found.missesGroups, "0 where ratings or words are missing")
  var metadata = start.metadata
  metadata.classes = nil
  metadata.preprocessing = try InputPreparation.unlabeled(found.preparation).json()
  try beginning.keep(split, in: &metadata)
  let source = UnlabeledRows(found, options, isFresh: beginning.isFromScratch)
  func open(_ model: some EnergyModel) -> any TrainingTask {
    UnlabeledTask(model, source, metadata: metadata, seed: options.seed)
  }
  return open(model)
}

/// Visible values in memory, row by row.
struct VisibleRows: Sendable {
  /// What is not zero in each row.
  private(set) var rows: [[(place: Int, value: Float)]]
  let width: Int

  init(_ rows: [[(place: Int, value: Float)]], width: Int) {
    self.rows = rows
    self.width = width
  }

  /// Of row-major values [rows, width].
  init(dense values: [Float], width: Int) {
    var rows: [[(place: Int, value: Float)]] = []
    for start in stride(from: 0, to: values.count, by: width) {
      var row: [(place: Int, value: Float)] = []
      for place in 0..<width where values[start + place] != 0 { row.append((place, values[start + place])) }
      rows.append(row)
    }
    self.init(rows, width: width)
  }

  var count: Int { rows.count }

  /// [N, width]
  func batch(_ places: some Collection<Int>) -> Tensor {
    var values = [Float](repeating: 0, count: places.count * width)
    for (row, place) in places.enumerated() {
      for entry in rows[place] { values[row * width + entry.place] = entry.value }
    }
    return Tensor(values, shape: [places.count, width])
  }

  /// The places of all rows, in batches of not much more than a million numbers.
  func batches() -> [Range<Int>] {
    let size = max(1, min(256, (1 << 20) / max(1, width)))
    return stride(from: 0, to: count, by: size).map { $0..<min(count, $0 + size) }
  }

  /// The mean of each visible value.
  func means() -> Tensor {
    var sums = [Double](repeating: 0, count: width)
    for row in rows { for entry in row { sums[entry.place] += Double(entry.value) } }
    return Tensor(sums.map { Float($0 / Double(max(1, count))) }, shape: [width])
  }
}

/// The rows of a table, the users of a list of ratings, or documents.
final class UnlabeledRows: UnlabeledSource {
  /// The share of rows, or of ratings, that is the test.
  static let testShare = 0.1

  /// What is found in a file.
  struct Found {
    var items: String
    var preparation: UnlabeledPreparation
    var training: VisibleRows
    /// Values of the network's configuration.
    var changes: [ConfigurationChange]
    var parts: [VisiblePart]
    var fingerprint: DataFingerprint
    var remarks: [String]
    var missesGroups = false
    var skipped = 0
    var validation: (any EnergyModel) throws -> Scores?
    var test: (any EnergyModel) throws -> Scores?
    /// How well the numbers of the test are predicted, in place of `test`.
    var numbersOfTest: ((any EnergyModel) -> RegressionMetrics)?
    /// nil for the mean squared error of the reconstruction.
    var loss: ((_ batch: Tensor, _ model: any EnergyModel) -> Double)?
    var monitors: [Monitor]?

    var width: Int { training.width }
  }

  private let found: Found
  private let options: TrainingOptions
  private let isFresh: Bool
  private(set) var testedNumbers: RegressionMetrics?

  init(_ found: Found, _ options: TrainingOptions, isFresh: Bool) {
    self.found = found
    self.options = options
    self.isFresh = isFresh
  }

  var items: String { found.items }
  var skipped: Int { found.skipped }
  var batchesPerEpoch: Int { (found.training.count + options.batchSize - 1) / options.batchSize }

  func prepare(_ model: any EnergyModel) {
    if isFresh { model.setVisibleBiases(means: found.training.means()) }
  }

  func batches(epoch: Int, startingAt start: Int) throws -> AnySequence<Tensor?> {
    var random = RandomStream(seed: options.seed, purpose: "row order", step: UInt64(epoch))
    let (order, size) = (random.permutation(found.training.count), options.batchSize)
    return AnySequence(
      (min(start, batchesPerEpoch)..<batchesPerEpoch).lazy.map { [found] number -> Tensor? in
        found.training.batch(order[number * size..<min(order.count, (number + 1) * size)])
      })
  }

  func trainingLoss(_ batch: Tensor, _ model: any EnergyModel) -> Double? { found.loss?(batch, model) }

  func validate(_ model: any EnergyModel) throws -> Scores? {
    if Interruption.isRequested { throw EvaluationInterrupted() }
    return try found.validation(model)
  }

  func test(_ model: any EnergyModel) throws -> Scores? {
    guard let numbers = found.numbersOfTest else { return try found.test(model) }
    testedNumbers = numbers(model)
    return testedNumbers?.scores
  }

  func monitors(of model: any EnergyModel) -> [Monitor] {
    found.monitors ?? [.loss] + (model.isBinary ? [.pseudoLikelihood] : [])
  }

  /// Reads what the options say, divided as recorded.
  ///
  /// - Parameters:
  ///   - known: the preparation of a network that goes on learning; nil from scratch.
  ///   - checkpoint: the network's file, for faults.
  static func read(
    _ path: String, _ data: UnlabeledOptions, _ split: RecordedSplit, keeping known: UnlabeledPreparation?,
    path checkpoint: String?
  ) throws -> Found {
    func other(_ known: UnlabeledPreparation) -> TrainingFault {
      .otherKind(path: checkpoint ?? path, known: known.description)
    }
    switch data {
    case .columns(let settings):
      switch known {
      case .columns(let units)?: return try columns(path, settings, split, keeping: units)
      case nil: return try columns(path, settings, split, keeping: nil)
      case let known?: throw other(known)
      }
    case .ratings(let settings):
      switch known {
      case .ratings(let preparation)?: return try ratings(path, settings, split, keeping: preparation)
      case nil: return try ratings(path, settings, split, keeping: nil)
      case let known?: throw other(known)
      }
    case .words(let settings):
      switch known {
      case .words(let preparation)?: return try words(path, settings, split, keeping: preparation)
      case nil: return try words(path, settings, split, keeping: nil)
      case let known?: throw other(known)
      }
    }
  }
}

extension RecordedSplit {
  /// Divides so many things that are all of one kind.
  func division(of count: Int, path: String) throws(TableFault) -> DataSplit {
    do throws(SplitFault) {
      return try DataSplit(count: count, validation: validation, test: test, seed: UInt64(seed) ?? 0)
    } catch { throw .split(path: path, error) }
  }

  /// The positions of the things of a part.
  package func rows(of part: EvaluationPart, count: Int, path: String) throws(TableFault) -> [Int] {
    let division = try division(of: count, path: path)
    return switch part {
    case .train: division.training
    case .validation: division.validation
    case .test: division.test
    case .all: Array(0..<count)
    }
  }
}
