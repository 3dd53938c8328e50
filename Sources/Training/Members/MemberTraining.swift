import AviaryArchives
import AviaryCheckpoints
import AviaryDatasets
import AviaryDiagnostics

/// Cross-validation and bagging: several runs with the same options in one folder, each on other parts of the data.
///
/// ```swift
/// options.members = .folds(5)
/// let report = try MemberTraining.start(
///   options, from: .scratch(network), registry: .zoo, at: "runs/folds"
/// ) { print($0) }
/// print(report.summary?.scores["accuracy"]?.mean ?? 0)
/// ```
///
/// A single fold is an ordinary run, whose `TrainingOptions.parts.fold` says which: what the fold holds out is the run's test
/// part, which chooses nothing.
public enum MemberTraining {
  /// The result of all runs.
  public struct Report {
    /// nil where a run was interrupted.
    public var summary: MemberSummary?
    /// The folder of all runs.
    public var folder: String
  }

  /// Whether the folder holds such runs.
  public static func isPresent(at path: String) -> Bool {
    (try? RunFolder.options(at: path))?.members != nil
  }

  /// The folders of the runs in a folder, in their order; empty where it does not hold several.
  public static func folders(at path: String) -> [String] {
    guard let members = (try? RunFolder.options(at: path))?.members, members.count <= PartOptions.most else {
      return []
    }
    return (0..<members.count).map { path + "/" + members.name($0) }
  }

  /// Begins the runs that `options.members` asks for.
  ///
  /// - Parameters:
  ///   - hooks: of the run in a folder.
  ///   - report: is told what a person should know, a line at a time.
  public static func start(
    _ options: TrainingOptions, from source: NetworkTraining.Source, registry: Registry, at path: String,
    hooks: (_ folder: String) -> TrainingHooks = { _ in TrainingHooks() }, report: @escaping (String) -> Void
  ) throws -> Report {
    try options.validate()
    guard let members = options.members else {
      throw TrainingFault.invalidSetting(name: "members", value: "nil", allowed: "folds or bootstrap samples")
    }
    try requireApart(run: path, options)
    let beginning = Beginning(place: .source(source), registry: registry, report: report)
    let (options, kind) = try NetworkTraining.detected(options, beginning)
    try options.checkParts(kind)
    guard !FileSystem.exists(path + "/" + members.name(0)) else { throw RunFault.alreadyExists(path: path) }
    let folder = try RunFolder(creating: path, options: options)
    do {
      return try run(members, options, kind, in: folder, registry: registry, source: { source }, hooks, report)
    } catch {
      // Nothing is left where not even the first run could begin.
      if !FileSystem.exists(path + "/" + members.name(0)) { folder.removeUnbegun() }
      throw error
    }
  }

  /// Continues the runs in a folder: those that are finished stay, one that was killed goes on, and the others begin.
  ///
  /// - Parameter reading: reads the checkpoint that the runs begin with.
  public static func resume(
    at path: String, registry: Registry, changes: ResumeChanges = ResumeChanges(),
    reading: @escaping (String, SourceReading) throws -> Checkpoint = { path, _ in try .read(from: path) },
    hooks: (_ folder: String) -> TrainingHooks = { _ in TrainingHooks() }, report: @escaping (String) -> Void
  ) throws -> Report {
    let folder = try RunFolder(resuming: path)
    let options = changes.applied(to: try folder.readOptions(as: TrainingOptions.self))
    try options.validate()
    guard let members = options.members else { throw RunFault.notARun(path: path) }
    guard let kind = options.kind else { throw TrainingFault.noTarget(path: options.data) }
    if changes.data != nil { try requireApart(run: path, options) }
    if changes != ResumeChanges() { try folder.write(options: options) }
    return try run(
      members, options, kind, in: folder, registry: registry, changes: changes, reading: reading,
      source: { try NetworkTraining.source(of: options, registry, reading) }, hooks, report)
  }

  private static func run(
    _ members: MemberOptions, _ options: TrainingOptions, _ kind: DataOptions, in folder: RunFolder, registry: Registry,
    changes: ResumeChanges = ResumeChanges(),
    reading: (String, SourceReading) throws -> Checkpoint = { path, _ in try .read(from: path) },
    source: () throws -> NetworkTraining.Source, _ hooks: (String) -> TrainingHooks,
    _ report: @escaping (String) -> Void
  ) throws -> Report {
    let names = (0..<members.count).map(members.name)
    // The runs have the same data, and frozen layers make the same of them.
    let shared = SharedReadings.current ?? SharedReadings(folder: folder.path, areResumable: true)
    var begun: NetworkTraining.Source?
    var summaries: [RunSummary] = []
    // How runs are watched is nothing to those that are finished.
    var lasting = changes
    lasting.watching = nil
    for (number, name) in names.enumerated() {
      let path = folder.path + "/" + name
      if lasting == ResumeChanges(), let summary = RunRecord.summary(at: path) {
        summaries.append(summary)
        continue
      }
      report("\(name) of \(names.count)")
      let finished: TrainingReport
      if FileSystem.exists(path + "/options.json") {
        finished = try SharedReadings.$current.withValue(shared) {
          try NetworkTraining.resume(
            at: path, registry: registry, changes: changes, reading: reading, hooks: hooks(path), report: report)
        }
      } else {
        let start = try begun ?? source()
        begun = start
        finished = try SharedReadings.$current.withValue(shared) {
          try NetworkTraining.start(
            members.options(number, of: options), from: start, registry: registry, at: path, hooks: hooks(path),
            report: report)
        }
      }
      guard let summary = finished.summary else { return Report(summary: nil, folder: folder.path) }
      summaries.append(summary)
    }
    let pooled = try pool(members, names, in: folder)
    if pooled != nil, !members.isFolds, options.classes.thresholds != nil {
      report(
        "out of bag: each member has class thresholds of its own; predicted is the class of their greatest mean")
    }
    let summary = MemberSummary(
      members, division: division(members, options, kind, hasClasses: summaries.first?.classes.isEmpty == false),
      summaries, names: names, pooled: pooled, heldOut: heldOut(members, options, kind))
    try folder.writeJSON(summary, to: folder.summary)
    return Report(summary: summary, folder: folder.path)
  }

  /// How the items were divided, in a word.
  private static func division(
    _ members: MemberOptions, _ options: TrainingOptions, _ kind: DataOptions, hasClasses: Bool
  ) -> String {
    guard members.isFolds else { return "bootstrap" }
    if case .series = kind { return "time-series" }
    if options.parts.isInOrder { return "time-series" }
    // Texts are not of a class each.
    let isStratified: Bool =
      switch kind {
      case .tags, .translation, .generation: false
      default: options.parts.isStratified != false && hasClasses
      }
    return switch (isStratified, options.parts.grouping != nil) {
    case (true, true): "stratified-grouped"
    case (true, false): "stratified"
    case (false, true): "grouped"
    case (false, false): "k-fold"
    }
  }

  /// How many items a fold holds out for one that it learns from, which includes those that choose the epoch; nil where the
  /// folds' shares differ.
  private static func heldOut(_ members: MemberOptions, _ options: TrainingOptions, _ kind: DataOptions) -> Double? {
    guard case .folds(let folds, _) = members, !options.parts.isInOrder else { return nil }
    if case .series = kind { return nil }
    return 1 / Double(folds - 1)
  }

  // MARK: Predictions

  /// Puts the runs' predictions together into one file; nil where they keep none.
  private static func pool(
    _ members: MemberOptions, _ names: [String], in folder: RunFolder
  ) throws -> MemberSummary.Pooled? {
    var tables: [PredictionTable] = []
    for name in names {
      let path = folder.path + "/" + name + "/" + RunFolder.predictionsName
      guard FileSystem.exists(path) else { return nil }
      tables.append(try PredictionTable(reading: path))
    }
    guard let first = tables.first else { return nil }
    var all = PredictionTable(classes: first.classes)
    let file: String
    switch members {
    case .folds(let folds, _):
      file = "out-of-fold.csv"
      var known: [ExactText: String] = [:]
      for (number, (name, table)) in zip(names, tables).enumerated() {
        if number % folds == 0 { known = [:] }
        for row in table.rows {
          if let other = known.updateValue(name, forKey: ExactText(row.item)) {
            throw TrainingFault.heldOutTwice(item: row.item, folders: [other, name])
          }
          all.add(row)
        }
      }
      try folder.write(all.csv(run: "fold"), to: folder.path + "/" + file)
    case .bootstrap:
      file = "out-of-bag.csv"
      all = PredictionTable(averaging: tables)
      try folder.write(all.csv(run: "members"), to: folder.path + "/" + file)
    }
    return MemberSummary.Pooled(all, file: file)
  }
}

extension MemberSummary.Pooled {
  init(_ table: PredictionTable, file: String) {
    self.file = file
    items = Set(table.rows.map { ExactText($0.item) }).count
    predictions = table.rows.count
    guard table.classes.isEmpty else {
      guard items > 0 else { return }
      let correct = table.rows.count { $0.truth == $0.predicted }
      let share = Double(correct) / Double(table.rows.count)
      accuracy = share
      accuracyInterval = ScoreInterval.wilson(share: share, of: items).map { [$0.lower, $0.upper] }
      return
    }
    var metrics = RegressionMetrics()
    for row in table.rows {
      if let target = Double(row.truth), let estimate = Double(row.predicted) {
        metrics.add(target: target, estimate: estimate)
      }
    }
    (rmse, mae) = (metrics.rootMeanSquaredError, metrics.meanAbsoluteError)
  }
}

extension PredictionTable {
  /// The mean of what the runs say of each item, whose `run` is how many did: the items of a bootstrap sample are left out of
  /// another one each time. The class of the greatest mean is predicted: thresholds that runs have chosen are their own.
  init(averaging tables: [PredictionTable]) {
    self.init(classes: tables.first?.classes ?? [])
    var places: [ExactText: Int] = [:]
    var sums: [(first: Row, count: Int, probabilities: [Double], estimate: Double)] = []
    for row in tables.flatMap(\.rows) {
      let probabilities = row.probabilities.map(Double.init)
      let estimate = Double(row.predicted) ?? 0
      if let place = places[ExactText(row.item)] {
        sums[place].count += 1
        sums[place].estimate += estimate
        for (index, probability) in probabilities.enumerated() { sums[place].probabilities[index] += probability }
      } else {
        places[ExactText(row.item)] = sums.count
        sums.append((row, 1, probabilities, estimate))
      }
    }
    for sum in sums {
      var row = sum.first
      let count = Double(sum.count)
      row.run = sum.count
      row.probabilities = sum.probabilities.map { Float($0 / count) }
      row.predicted =
        sum.probabilities.isEmpty
        ? "\(sum.estimate / count)" : classes[ClassDecision.mostProbable.predicted(sum.probabilities)]
      add(row)
    }
  }
}
