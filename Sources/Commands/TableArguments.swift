import ArgumentParser
import Aviary

/// What a table's columns are, and how they are prepared.
struct TableArguments: ParsableArguments {
  @Option(help: ArgumentHelp("The column of a .csv file that is to be predicted.", valueName: "column"))
  var target: String?
  @Option(
    help: ArgumentHelp("What the target is (classification of words, regression of numbers).", valueName: "name"))
  var task: TaskName?
  @Option(help: ArgumentHelp("Columns that are not looked at.", valueName: "column,...")) var exclude: String?
  @Option(help: ArgumentHelp("What becomes of missing values (mean).", valueName: "name")) var missing: Missing?
  @Option(
    help: ArgumentHelp(
      "Where numbers are cut off: deviations=K around the mean, or iqr=K beyond the quartiles (none).",
      valueName: "bounds"))
  var outliers: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Products of up to so many columns of numbers become features (1).", valueName: "n"))
  var degree: Int?
  @Flag(help: "Products have each column at most once.") var interactionsOnly = false
  @Option(help: ArgumentHelp("How numbers are scaled (standard).", valueName: "name")) var scaling: Scaling?
  @Flag(help: "Bring the target of a regression to mean 0 and deviation 1.") var standardizeTarget = false
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The rows are a time series: the target is predicted from so many rows before, itself included.", valueName: "n"))
  var window: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many rows after the last of them the predicted one lies (1).", valueName: "n"))
  var horizon: Int?
  @Option(
    help: ArgumentHelp("The target is predicted from the characters of the text in this column.", valueName: "column"))
  var text: String?

  enum TaskName: String, CaseIterable, ExpressibleByArgument { case classification, regression }

  enum Missing: String, CaseIterable, ExpressibleByArgument {
    case drop, mean, median, interpolate
    case mostFrequent = "most-frequent"
  }

  enum Scaling: String, CaseIterable, ExpressibleByArgument {
    case none, standard
    case minMax = "min-max"
  }

  /// The options that were given.
  var given: [String] {
    let all: [(String, Bool)] = [
      ("--target", target != nil), ("--task", task != nil), ("--exclude", exclude != nil),
      ("--missing", missing != nil), ("--outliers", outliers != nil), ("--degree", degree != nil),
      ("--interactions-only", interactionsOnly), ("--scaling", scaling != nil),
      ("--standardize-target", standardizeTarget), ("--window", window != nil), ("--horizon", horizon != nil),
      ("--text", text != nil),
    ]
    return all.filter(\.1).map(\.0)
  }

  /// Says what is to be learned of a table, where a target is named.
  func apply(to options: inout TrainingOptions) throws {
    try checkTogether()
    guard let target else { return }
    if let window {
      var settings = SeriesSettings(target: target, window: window)
      settings.horizon = horizon
      settings.excluded = excluded
      settings.scaling = scalingSetting
      try settings.validate()
      options.series = settings
    } else if let text {
      var settings = CharacterSettings(target: target, column: text)
      settings.longest = options.sequenceLength
      try settings.validate()
      options.characters = settings
    } else {
      options.table = try settings(target)
    }
    // Recurrent networks, whose gradients may explode.
    if options.table == nil { options.clipping = GradientClipping(norm: 5) }
  }

  /// Refuses options that mean nothing beside each other.
  private func checkTogether() throws {
    if horizon != nil, window == nil { throw ValidationError("--horizon needs --window") }
    let heeded: [(option: String, others: [String])] = [
      ("--window", ["--target", "--window", "--horizon", "--exclude", "--scaling"]),
      ("--text", ["--target", "--text"]),
    ]
    for (option, others) in heeded where given.contains(option) {
      let lost = given.filter { !others.contains($0) }
      if !lost.isEmpty { throw ValidationError("beside \(option), leave out \(lost.joined(separator: ", "))") }
    }
  }

  private var excluded: [String] { exclude.map { $0.split(separator: ",").map { trimmed($0) } } ?? [] }

  private var scalingSetting: TableSettings.Scaling {
    switch scaling {
    case nil, .standard: .standard
    case .none?: .none
    case .minMax: .minMax
    }
  }

  private func settings(_ target: String) throws -> TableSettings {
    var settings = TableSettings(target: target)
    settings.task = task.flatMap { TableSettings.Task(rawValue: $0.rawValue) }
    settings.excluded = excluded
    switch missing {
    case nil, .mean: settings.missing = .mean
    case .drop: settings.missing = .dropRow
    case .median: settings.missing = .median
    case .interpolate: settings.missing = .interpolate
    case .mostFrequent: settings.missing = .mostFrequent
    }
    settings.outliers = try bounds()
    settings.polynomialDegree = degree ?? 1
    settings.interactionsOnly = interactionsOnly
    settings.scaling = scalingSetting
    settings.standardisesTarget = standardizeTarget
    try settings.validate()
    return settings
  }

  private func bounds() throws -> TableSettings.Outliers {
    guard let outliers, outliers != "none" else { return .keep }
    let parts = outliers.split(separator: "=", maxSplits: 1)
    if parts.count == 2, let factor = Double(parts[1]) {
      if parts[0] == "deviations" { return .deviations(factor) }
      if parts[0] == "iqr" { return .interquartile(factor) }
    }
    throw ValidationError("--outliers \(outliers) is not possible; give deviations=K or iqr=K, with a number K")
  }
}
