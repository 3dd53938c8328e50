import AviaryArchives
import AviaryCheckpoints
import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// A preparation of tables that a run can begin with: what is special about its kind of data.
protocol TrainablePreparation: TablePreparation {
  /// What is thrown for a network that does not suit.
  static func unsuited(_ architecture: Architecture) -> any Error
  /// What an example is called.
  static var items: String { get }
  /// The share of the rows that is the test.
  static var testShare: Double { get }
  /// Whether the rows are steps of one time series.
  static var isSeries: Bool { get }

  /// The preparation that a checkpoint's network knows, if the run keeps it; nil to fit a new one.
  ///
  /// - Parameters:
  ///   - checkpoint: of the network; nil from scratch.
  ///   - isSource: whether the run begins, and may be told how to prepare.
  static func known(
    by checkpoint: (checkpoint: Checkpoint, path: String)?, _ settings: Settings, isSource: Bool
  ) throws -> Self?
  /// Whether each row is of a class, which may have its share in every part.
  var dividesClasses: Bool { get }
  /// What validation reports.
  var monitors: [Monitor] { get }
  /// Whether a network is called with such inputs.
  static func suits(_ network: any Network) -> Bool
  /// What a network lacks that does not suit, and one that does.
  static var needed: String { get }
  /// Reads the table; of a network that knows its columns already, the target may be another one.
  static func table(csv path: String, _ settings: Settings, keeping known: Self?) throws(TableFault) -> Table
  /// As checkpoints hold it.
  var preparation: InputPreparation { get }
  /// Values of the configuration for a network from scratch, around those that the options name.
  func changes(_ given: [ConfigurationChange]) -> [ConfigurationChange]
  /// What a person should know about the rows, beside what their inputs say.
  func remarks(on table: Table, _ parts: DatasetParts<Examples<Inputs>>) -> [String]
  /// The position in the table of the row of each input, or of the first that it is about; nil where an input has no single
  /// answer.
  func places(of inputs: Inputs) -> [Int]?
  /// The parts of the data, of which the training part may change from epoch to epoch.
  func changing(
    _ parts: DatasetParts<Examples<Inputs>>, of table: Table, _ settings: Settings, seed: UInt64
  ) throws(TableFault) -> DatasetParts<Examples<Inputs>>
  /// How many outputs the network has.
  var outputCount: Int { get }
  /// What the head of a network with the known preparation predicts, beside what this one asks for.
  func head(of known: Self) -> Beginning.KnownHead
  /// The network as a function of inputs. Refuses batches that are too large for it.
  ///
  /// - Parameter path: that of the checkpoint or of the data, for faults.
  func outputs(
    of start: Beginning.Start, _ parts: DatasetParts<Examples<Inputs>>, _ options: TrainingOptions, path: String
  ) throws -> (forward: (Inputs.Batch) -> Tensor, mostAtOnce: Int)
}

extension TrainablePreparation {
  static func suits(_ network: any Network) -> Bool { network is any Classifier }
  static var needed: String { "has no answer for a row of a table; mlp has" }
  var monitors: [Monitor] { classes == nil ? Monitor.ofNumbers : Monitor.ofClasses }
  var dividesClasses: Bool { classes != nil }
  static var testShare: Double { 0.1 }
  static var isSeries: Bool { false }
  func changes(_ given: [ConfigurationChange]) -> [ConfigurationChange] { given }
  func places(of inputs: Inputs) -> [Int]? { nil }
  func changing(
    _ parts: DatasetParts<Examples<Inputs>>, of table: Table, _ settings: Settings, seed: UInt64
  ) throws(TableFault) -> DatasetParts<Examples<Inputs>> { parts }
  var outputCount: Int { classes?.count ?? 1 }

  /// A task for the data of a run: from the table to examples, and from the beginning to a network for them.
  ///
  /// - Parameter report: is told what a person should know, a line at a time.
  static func task(
    _ beginning: Beginning, _ settings: Settings, _ options: TrainingOptions, report given: (String) -> Void
  ) throws -> any TrainingTask {
    if let architecture = try beginning.architecture, let network = try? architecture.build(), !suits(network) {
      throw Self.unsuited(architecture)
    }
    let checkpoint = beginning.checkpoint
    let known = try Self.known(by: checkpoint, settings, isSource: beginning.isSource)
    let reading = "\(Self.self) \(settings) \(checkpoint?.path ?? "")"
    let table = try SharedReadings.table(options.data, key: reading) { () throws(TableFault) in
      try Self.table(csv: options.data, settings, keeping: known)
    }
    let (plan, files) = (options.splitPlan(test: Self.testShare), options.partFiles)
    let data = try PreparedTable<Self>(
      table, settings, keeping: known, by: plan, validation: files.validation, test: files.test)
    let preprocessing = data.preprocessing
    if options.learning.loss != nil, !Monitor.ofNumbers.elementsEqual(preprocessing.monitors) {
      throw TrainingFault.lossOfNumbers(path: options.data)
    }
    // Runs that share their data have the same to say of them.
    func report(_ remark: String) { if SharedReadings.isNew(remark) { given(remark) } }
    for remark in preprocessing.remarks(on: table, data.parts) + Inputs.remarks(on: data.parts.all.map(\.inputs)) {
      report(remark)
    }
    if plan.isInOrder, !Self.isSeries {
      for remark in table.remarksOnOrder(isSeries: false, dates: preprocessing.dateColumns) { report(remark) }
    }
    if let remark = data.dropped.remark { report(remark) }
    if beginning.isSource, !preprocessing.dividesClasses,
      let remark = options.parts.remarkOnStrata("\(options.data) is not divided by classes")
    {
      report(remark)
    }
    let file = try DataFingerprint(file: options.data)
    let own = (
      validation: try files.validation.map { try DataFingerprint(file: $0) },
      test: try files.test.map { try DataFingerprint(file: $0) }
    )
    for remark in RepeatedParts(training: file, validation: own.validation, test: own.test).remarks(options.data) {
      report(remark)
    }
    for remark in data.groupRemarks { report(remark) }
    let start = try beginning.start(
      input: preprocessing.inputShape, outputs: preprocessing.outputCount,
      head: known.map { preprocessing.head(of: $0) } ?? preprocessing.classes.flatMap(beginning.knownHead)
        ?? .other("does not say what it predicts"),
      changes: preprocessing.changes(options.configuration), data: data.parts.fingerprint(own), options)
    let (forward, mostAtOnce) = try preprocessing.outputs(
      of: start, data.parts, options, path: checkpoint?.path ?? options.data)
    var metadata = start.metadata
    metadata.classes = preprocessing.classes
    metadata.preprocessing = try preprocessing.preparation.json()
    for (path, part) in [(files.validation, own.validation), (files.test, own.test)] {
      if beginning.isSource, let path, let part, metadata.wasTrainedBefore(on: part.text) {
        report("\(path): the network that the run begins with was trained on these data")
      }
    }
    var split = RecordedSplit(plan, file: file.text)
    split.held = data.held
    try beginning.keep(split, in: &metadata) { former in
      guard former.split.file == split.file else { return nil }
      var division = former.split
      if division.held == nil, let known, former == checkpoint?.checkpoint.metadata.lastTraining {
        // Nothing where its columns are not those of the table as it is read now.
        division.held = try? HeldOut(Self.split(table, known.settings, keeping: known, by: division.plan))
      }
      return division
    }
    return start.model.task(
      on: try preprocessing.changing(data.parts, of: table, settings, seed: options.seed), options, items: Self.items,
      metadata: metadata, mostAtOnce: mostAtOnce, monitors: preprocessing.monitors, outputs: forward,
      restored: preprocessing.restored
    ) { part in preprocessing.places(of: part.inputs)?.map { "\(table.rowNumbers[$0])" } }
  }

  static func unsuited(_ architecture: Architecture) -> any Error {
    TrainingFault.unsuitedNetwork(architecture: architecture.name, needed: needed)
  }
}

extension Network {
  /// A task for this network on examples in memory.
  fileprivate func task<Inputs: ExampleInputs>(
    on data: DatasetParts<Examples<Inputs>>, _ options: TrainingOptions, items: String, metadata: Checkpoint.Metadata,
    mostAtOnce: Int, monitors: [Monitor], outputs: @escaping (Inputs.Batch) -> Tensor,
    restored: @escaping (Float) -> Double, itemNames: @escaping (Examples<Inputs>) -> [String]?
  ) -> any TrainingTask {
    let task = SupervisedTask(
      self, on: data, options, items: items, metadata: metadata, mostAtOnce: mostAtOnce, purpose: "row order",
      outputs: outputs)
    task.restored = restored
    task.monitors = monitors
    task.itemNames = itemNames
    return task
  }
}

extension DatasetParts {
  /// Checksums of the parts, those with a file of their own by its bytes.
  fileprivate func fingerprint<Inputs>(
    _ files: (validation: DataFingerprint?, test: DataFingerprint?)
  ) -> DataFingerprint where Part == Examples<Inputs> {
    var own = self
    if files.validation != nil { own.validation = nil }
    if files.test != nil { own.test = nil }
    var fingerprint: DataFingerprint = own.fingerprint()
    for file in [files.validation, files.test].compactMap({ $0 }) { fingerprint.add(file) }
    return fingerprint
  }
}

/// The most numbers of a batch: 1 GiB.
private let batchLimit = 1 << 28

extension Table {
  /// A line on the columns that are none of these.
  func unusedColumns(beside used: [String]) -> [String] {
    let used = ExactSet(used)
    let unused = names.filter { !used.contains($0) }
    return unused.isEmpty ? [] : ["columns not used: \(unused.joined(separator: ", "))"]
  }
}

/// A line on a number to be learned that never changes.
private func constantTarget(_ name: String, _ targets: [Float]) -> [String] {
  guard let first = targets.first, targets.allSatisfy({ $0 == first }) else { return [] }
  return ["target \(name) is the same number in all training rows: there is nothing to learn"]
}

/// A line on rows that are left out.
func skippedRows(_ count: Int, without values: String) -> [String] {
  count > 0 ? ["\(count) rows without \(values) are left out"] : []
}

extension Beginning.KnownHead {
  /// The head of a classifier of rows: the same words in another column say something else.
  fileprivate init(of known: TablePreprocessing.Target, for target: TablePreprocessing.Target) {
    self =
      known.name.isExactly(target.name)
      ? .init(of: known.task == .classification ? known.classes : [], for: target.classes)
      : .other("predicts \(known.name), not \(target.name)")
  }
}

// MARK: - Rows

extension TablePreprocessing: TrainablePreparation {
  static var items: String { "rows" }
  var preparation: InputPreparation { .table(self) }
  func places(of inputs: TableFeatures) -> [Int]? { inputs.rows }

  static func known(
    by checkpoint: (checkpoint: Checkpoint, path: String)?, _ settings: TableSettings, isSource: Bool
  ) throws -> TablePreprocessing? {
    guard let (checkpoint, path) = checkpoint, let preparation = try checkpoint.inputPreparation() else { return nil }
    let known: TablePreprocessing
    switch preparation {
    case .table(let preprocessing): known = preprocessing
    case .series, .textColumn, .unlabeled, .tags, .translation, .generation:
      throw TrainingFault.otherKind(path: path, known: preparation.description)
    case .images, .graph, .graphs, .text: return nil
    }
    var plain = TableSettings(target: settings.target, task: settings.task)
    plain.standardisesTarget = settings.standardisesTarget
    if isSource, settings != plain { throw TrainingFault.keptPreparation(path: path) }
    return known
  }

  static func table(
    csv path: String, _ settings: TableSettings, keeping known: TablePreprocessing?
  ) throws(TableFault) -> Table {
    if let known { return try Table(csv: path, forFeaturesOf: known) }
    let kinds = (settings.dates?.columns ?? []).map { ($0, Table.Kind.categorical) }
    return try Table(csv: path, kinds: Dictionary(kinds, uniquingKeysWith: { first, _ in first }))
  }

  func remarks(on table: Table, _ parts: DatasetParts<Examples<TableFeatures>>) -> [String] {
    var remarks = self.remarks(on: table, withTarget: true)
    remarks += categorical.filter { table.looksLikeDates($0.name) }.map {
      "column \($0.name) looks like dates, and is read as words; give --dates \($0.name) for years, months and so on"
    }
    if settings.task == nil, target.kind == .numeric, target.task == .classification {
      remarks.append(
        "column \(target.name) holds \(target.classes.joined(separator: " and ")) alone: they are taken as classes; "
          + "give --task regression to estimate a number")
    }
    if target.task == .classification, !settings.standardisesTarget {
      remarks.append("--no-standardize-target changes nothing: target \(target.name) is a class")
    }
    if target.task == .regression, settings.standardisesTarget {
      remarks.append("target \(target.name) is standardized for training; results are in its own units")
    }
    remarks += constantTarget(target.name, parts.training.targets)
    return remarks + unusedColumns(of: table)
      + (parts.skipped > 0 ? ["\(parts.skipped) rows that lack a needed value are left out"] : [])
  }

  /// What a network that keeps its columns does not look at.
  func unusedColumns(of table: Table) -> [String] {
    table.unusedColumns(beside: columnNames + settings.excluded + [target.name])
  }

  func head(of known: TablePreprocessing) -> Beginning.KnownHead {
    if known.predictsSameNumber(as: target) {
      return .same("this target", kept: "its head and the target's scale are kept")
    }
    guard target.task == .classification else { return .other("does not estimate \(target.name)") }
    return .init(of: known.target, for: target)
  }

  func outputs(
    of start: Beginning.Start, _ parts: DatasetParts<Examples<TableFeatures>>, _ options: TrainingOptions, path: String
  ) throws -> (forward: (Tensor) -> Tensor, mostAtOnce: Int) {
    (try start.forward(), parts.training.inputs.mostAtOnce)
  }
}

// MARK: - Windows of a time series

extension SeriesPreprocessing: TrainablePreparation {
  static var items: String { "windows" }
  static var isSeries: Bool { true }
  func places(of inputs: SeriesWindows) -> [Int]? { inputs.firstTargets }
  var preparation: InputPreparation { .series(self) }
  var outputCount: Int { settings.stepCount }

  static func known(
    by checkpoint: (checkpoint: Checkpoint, path: String)?, _ settings: SeriesSettings, isSource: Bool
  ) throws -> SeriesPreprocessing? {
    guard let (checkpoint, path) = checkpoint, let preparation = try checkpoint.inputPreparation() else { return nil }
    guard case .series(let known) = preparation else {
      throw TrainingFault.otherKind(path: path, known: preparation.description)
    }
    if isSource, !settings.excluded.isEmpty || settings.scaling != .standard {
      throw TrainingFault.keptPreparation(path: path)
    }
    return known
  }

  static func table(
    csv path: String, _ settings: SeriesSettings, keeping known: SeriesPreprocessing?
  ) throws(TableFault) -> Table {
    if let known { try known.table(csv: path) } else { try Table(csv: path) }
  }

  func remarks(on table: Table, _ parts: DatasetParts<Examples<SeriesWindows>>) -> [String] {
    let excluded = ExactSet(settings.excluded)
    return table.remarks(on: table.names.filter { !excluded.contains($0) })
      + table.remarks(onNumbers: columns.map(\.name)) + table.remarksOnOrder(isSeries: Self.isSeries)
      + table.unusedColumns(beside: columns.map(\.name)) + constantTarget(settings.target, parts.training.targets)
  }

  func head(of known: SeriesPreprocessing) -> Beginning.KnownHead {
    let (asked, known) = (settings, known.settings)
    // Whether the windows are as long, the network itself decides.
    return asked.target.isExactly(known.target) && asked.rowsAhead == known.rowsAhead
      && asked.stepCount == known.stepCount
      ? .same("this target") : .other("predicts another target, or other rows of it")
  }

  func outputs(
    of start: Beginning.Start, _ parts: DatasetParts<Examples<SeriesWindows>>, _ options: TrainingOptions, path: String
  ) throws -> (forward: (Tensor) -> Tensor, mostAtOnce: Int) {
    try TrainingFault.check(
      "batch size", options.batchSize, options.batchSize <= max(1, batchLimit / inputShape.reduce(1, *)),
      "small enough for windows of \(inputShape.map(String.init).joined(separator: "x")) numbers")
    return (try start.forward(), parts.training.inputs.mostAtOnce)
  }
}

// MARK: - Texts in a column

extension Network {
  /// The width of what the head is given.
  fileprivate var headInputs: Int {
    namedParameters().filter { isInHead($0.path) && $0.parameter.shape.count > 1 }.map { $0.parameter.shape[1] }.max()
      ?? 1
  }
}

extension TextColumnPreprocessing: TrainablePreparation {
  static var items: String { "texts" }
  var preparation: InputPreparation { .textColumn(self) }
  func places(of inputs: TextSequences) -> [Int]? { inputs.rows }

  static func suits(_ network: any Network) -> Bool { network is any SequenceReader }

  static func unsuited(_ architecture: Architecture) -> any Error {
    ArchitectureFault.unsuited(architecture: architecture.name, kinds: architecture.kinds, data: .text)
  }

  static func known(
    by checkpoint: (checkpoint: Checkpoint, path: String)?, _ settings: TextColumnSettings, isSource: Bool
  ) throws -> TextColumnPreprocessing? {
    guard let (checkpoint, path) = checkpoint else { return nil }
    guard let preparation = try checkpoint.inputPreparation() else { throw TrainingFault.noVocabulary(path: path) }
    guard case .textColumn(let known) = preparation else {
      throw TrainingFault.otherKind(path: path, known: preparation.description)
    }
    if isSource, let tokenizer = settings.tokenizer, tokenizer != known.vocabulary.unit {
      throw TrainingFault.keptPreparation(path: path)
    }
    return known
  }

  static func table(
    csv path: String, _ settings: TextColumnSettings, keeping known: TextColumnPreprocessing?
  ) throws(TableFault) -> Table {
    try table(csv: path, column: settings.column)
  }

  func changes(_ given: [ConfigurationChange]) -> [ConfigurationChange] {
    given + [ConfigurationChange(name: "symbols", value: "\(symbols)")]
  }

  func head(of known: TextColumnPreprocessing) -> Beginning.KnownHead { .init(of: known.target, for: target) }

  func changing(
    _ parts: DatasetParts<Examples<TextSequences>>, of table: Table, _ settings: TextColumnSettings, seed: UInt64
  ) throws(TableFault) -> DatasetParts<Examples<TextSequences>> {
    guard let augmentation = settings.augmentation else { return parts }
    var parts = parts
    parts.training = try changing(parts.training, of: table, by: augmentation, seed: seed)
    return parts
  }

  func remarks(on table: Table, _ parts: DatasetParts<Examples<TextSequences>>) -> [String] {
    let isOfNumbers = target.kind == .numeric && target.classes.count > 2
    return table.remarks(on: [settings.target]) + [vocabulary.remark].compactMap { $0 }
      + (isOfNumbers
        ? [
          "column \(target.name) holds numbers, which are taken as \(target.classes.count) classes: no numbers are learned of texts"
        ]
        : [])
      + skippedRows(parts.skipped, without: "text or class")
  }

  func outputs(
    of start: Beginning.Start, _ parts: DatasetParts<Examples<TextSequences>>, _ options: TrainingOptions, path: String
  ) throws -> (forward: ((tokens: IntTensor, lengths: [Int])) -> Tensor, mostAtOnce: Int) {
    let model = try start.model(as: (any SequenceReader).self, for: .text)
    // A text is padded to the longest of its batch, and a step keeps the gates of every character.
    let longest = parts.all.map(\.inputs.longest).max() ?? 1
    let textsAtOnce = max(1, batchLimit / (max(1, longest) * 4 * model.headInputs))
    try TrainingFault.check(
      "batch size", options.batchSize, options.batchSize <= textsAtOnce,
      "at most \(textsAtOnce) for texts of \(longest) \(vocabulary.unit.rawValue)s; or lower --sequence-length")
    guard model.symbols == symbols else { throw TrainingFault.noVocabulary(path: path) }
    return (
      { model(tokens: $0.tokens, lengths: $0.lengths) },
      min(textsAtOnce, ExamplePredictor<TextColumnPreprocessing>.textsAtOnce)
    )
  }
}
