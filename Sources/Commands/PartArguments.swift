import ArgumentParser
import Aviary

/// How the data are divided, and several runs on other parts of them.
struct PartArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Test data: a folder or file, or a fraction of the training data (test/, else 0.1 of tables and graphs).",
      valueName: "dir|file|fraction"))
  var test: String?
  @Option(
    help: ArgumentHelp(
      "Keep rows with the same value in this column of a table in the same part; it is not learned from.",
      valueName: "column"))
  var group: String?
  @Option(
    help: ArgumentHelp(
      "Keep images in the same part in whose file names this expression matches the same text (what its first parentheses capture; with a slash, it is matched against the path).",
      valueName: "regex"))
  var groupPattern: String?
  @Flag(help: "The rows of a table are in the order of time: later parts follow earlier ones.") var timeSeries = false
  @Flag(inversion: .prefixedNo, help: "Give each class its share in every part (on).") var stratify: Bool?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Cross-validate: train K runs in RUN/fold-1 …, each tested on the fold that it holds out, and write RUN/out-of-fold.csv.",
      valueName: "k"))
  var folds: Int?
  @Option(parsing: .unconditional, help: ArgumentHelp("Cross-validate N times with other folds (1).", valueName: "n"))
  var repeats: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Train B runs in RUN/member-1 …, each on a bootstrap sample of the training data, and write RUN/out-of-bag.csv.",
      valueName: "b"))
  var bootstrap: Int?

  func validate() throws {
    try checkOption("--test", test.flatMap { Double($0) }, "a folder or file, or a fraction between 0 and 1") {
      $0 > 0 && $0 < 1
    }
    try checkOption("--folds", folds, in: 2...PartOptions.most)
    try checkOption("--repeats", repeats, in: 1...PartOptions.most)
    try checkOption("--bootstrap", bootstrap, in: 2...PartOptions.most)
    if repeats != nil, folds == nil { throw ValidationError("--repeats needs --folds") }
    if let folds, let repeats, folds * repeats > PartOptions.most {
      throw ValidationError("--folds \(folds) --repeats \(repeats) are more than \(PartOptions.most) runs")
    }
    for (first, second, excludes) in [
      ("--folds", "--bootstrap", folds != nil && bootstrap != nil),
      ("--folds", "--test", folds != nil && test != nil),
      ("--group", "--group-pattern", group != nil && groupPattern != nil),
      ("--time-series", "--group", timeSeries && group != nil),
      ("--time-series", "--stratify", timeSeries && stratify == true),
      ("--time-series", "--repeats", timeSeries && (repeats ?? 1) > 1),
      ("--time-series", "--bootstrap", timeSeries && bootstrap != nil),
    ] where excludes {
      throw ValidationError("\(first) and \(second) exclude each other")
    }
    if let groupPattern {
      do throws(SplitFault) { _ = try GroupPattern(groupPattern) } catch {
        throw ValidationError("--group-pattern \(error)")
      }
    }
  }

  func apply(to options: inout TrainingOptions) {
    options.parts.test = test.map(Self.part)
    options.parts.grouping = group.map { .column($0) } ?? groupPattern.map { .pattern($0) }
    options.parts.isStratified = stratify
    options.parts.isInOrder = timeSeries
    options.members = folds.map { .folds($0, repetitions: repeats ?? 1) } ?? bootstrap.map { .bootstrap($0) }
  }

  /// A fraction, or the path of a folder or file.
  static func part(_ text: String) -> TrainingOptions.Validation {
    Double(text).map { .fraction($0) } ?? .folder(absolutePath(text))
  }

  /// The kinds of data that an option is for; nil for an option of others.
  ///
  /// - Parameters:
  ///   - isCollection: whether the data are graphs, not one.
  ///   - form: what the network puts out.
  static func kinds(_ option: String, isCollection: Bool, _ form: OutputForm) -> [DataKind]? {
    switch option {
    case "--group", "--time-series": [.tables]
    case "--group-pattern": [.images]
    case "--test", "--stratify", "--folds", "--repeats", "--bootstrap":
      [.images, .tables] + (form == .tags ? [.text] : []) + (isCollection ? [.graphs] : [])
    default: nil
    }
  }
}
