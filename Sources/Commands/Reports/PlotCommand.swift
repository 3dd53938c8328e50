import ArgumentParser
import Aviary
import AviaryPictures

struct PlotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plot",
    abstract: "Draw the curves of runs: loss, accuracy and learning rate.",
    discussion: """
      Several runs are drawn into one figure, each in a colour of its own. A run may still be learning.
      """)

  @Argument(help: ArgumentHelp("The folders of the runs.", valueName: "run")) var runs: [String]
  @Option(help: ArgumentHelp("The figure: a .png or .svg file.", valueName: "file")) var output: String
  @Option(help: ArgumentHelp("Only these, divided by commas: loss, accuracy, learning-rate.", valueName: "name,..."))
  var only: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The share of the past in each point of a smoothed curve, as TensorBoard smooths: 0 to below 1 (0).",
      valueName: "x"))
  var smoothing: Double?
  @Flag(help: "Draw over steps instead of epochs, for runs that were trained with --log-every.") var steps = false
  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    try checkOption("--smoothing", smoothing, "a number from 0 to below 1") { $0 >= 0 && $0 < 1 }
    guard Drawing.Format(path: output) != nil else {
      throw ValidationError("--output \(output) is of no known kind; it must end with .png or .svg")
    }
    _ = try quantities()
  }

  private func quantities() throws -> [RunQuantity] {
    guard let only else { return RunQuantity.allCases }
    return try only.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let quantity = RunQuantity(rawValue: trimmed(word)) else {
        throw ValidationError("--only '\(word)' is not known; it must be loss, accuracy or learning-rate")
      }
      return quantity
    }
  }

  func run() throws {
    let records = try runs.map { try RunRecord(ofOne: $0) }
    if steps, let record = records.first(where: { $0.steps.isEmpty }) { throw ReportFault.noSteps(run: record.path) }
    var charts = RunCharts(runs: zip(Self.names(of: runs), records).map { ($0, $1) })
    charts.smoothing = smoothing ?? 0
    charts.bySteps = steps
    guard let figure = charts.figure(try quantities()) else { throw ReportFault.nothingToDraw(run: runs[0]) }
    try figure.write(to: output, scale: 2)
    show("\(output): \(counted(records.count, "run"))")
  }

  /// What runs are called: the ends of their paths, as long as it takes to tell them apart.
  static func names(of paths: [String]) -> [String] {
    let parts = paths.map { $0.split(separator: "/").filter { $0 != "." }.map(String.init) }
    func ends(_ count: Int) -> [String] { parts.map { $0.suffix(count).joined(separator: "/") } }
    let longest = parts.map(\.count).max() ?? 1
    for count in 1...max(1, longest) {
      let names = ends(count)
      if Set(names).count == Set(paths).count { return zip(names, paths).map { $0.isEmpty ? $1 : $0 } }
    }
    return paths
  }
}

extension RunRecord {
  /// What the folder of a single run tells; one of several, such as folds, is refused.
  init(ofOne path: String) throws {
    if let first = MemberTraining.folders(at: path).first { throw ReportFault.severalRuns(folder: path, first: first) }
    try self.init(reading: path)
  }
}

/// Why a report or figure cannot be made.
enum ReportFault: Swift.Error, Equatable, CustomStringConvertible {
  /// The run has not logged steps.
  case noSteps(run: String)
  /// The folder holds several runs, such as folds.
  case severalRuns(folder: String, first: String)
  /// The run has not finished an epoch.
  case nothingToDraw(run: String)
  /// The run does not say what it was trained on.
  case noData(run: String)
  /// A file of the report cannot be written.
  case cannotWrite(path: String, reason: String)
  /// The page in whose place it would be is not of this program.
  case otherPage(path: String)

  var description: String {
    switch self {
    case .noSteps(let run): "\(run): has no steps.csv; leave out --steps, or train with --log-every N"
    case .severalRuns(let folder, let first): "\(folder): holds several runs; name one of them, such as \(first)"
    case .nothingToDraw(let run): "\(run): has no numbers to draw yet; wait for the end of its first epoch"
    case .noData(let run): "\(run): does not say where its data are; give --data"
    case .cannotWrite(let path, let reason): "\(path): cannot be written (\(reason)); give another --output"
    case .otherPage(let path): "\(path): is another page, not a report; choose another folder, or remove it"
    }
  }
}
