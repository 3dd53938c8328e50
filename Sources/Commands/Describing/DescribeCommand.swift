import ArgumentParser
import Aviary
import AviaryArchives

struct DescribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe",
    abstract: "Describe data before training: counts, balance, duplicates, leaks, damaged files; columns of tables.",
    discussion: """
      Images are all read: those that cannot be are named, and those that are there twice, with the same pixels or nearly, \
      above all in training and test. Of tables each column is summarised, with --target what goes with the target and what \
      gives it away; rows of further tables that are in the first, too, are counted. What looks wrong is marked with !.

      --report also writes a page, index.html, with samples of each class, the images that are there twice, and histograms of \
      columns. It holds everything that it shows: it fetches nothing and runs no script.
      """)

  @Argument(help: ArgumentHelp("Images, tables, a graph or a text, as for train.", valueName: "data")) var data:
    [String]
  @Option(help: ArgumentHelp("The column of a table to predict.", valueName: "column")) var target: String?
  @Option(help: ArgumentHelp("Write a self-contained page into this folder, too.", valueName: "dir"))
  var report: String?
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var reading: ReadingArguments
  @OptionGroup var offline: OfflineOption

  func run() throws {
    let paths = try data.map { try offline.dataPath($0) }
    let kinds = try paths.map { path throws(TrainingFault) in try DataSource.kind(of: path) }
    if kinds.count > 1, let odd = kinds.firstIndex(where: { $0 != .tables }) {
      throw CommandFault.manyData(path: paths[odd])
    }
    try reading.check(kinds[0], paths[0])
    if kinds[0] != .tables, target != nil {
      throw CommandFault.unsuitedOption(option: "--target", kinds: [.tables], path: paths[0])
    }
    if let report { try ReportPage.check(report) }
    let found: DataReport
    var damage: (images: [ImageDescription.Damage], total: Int) = ([], 0)
    switch kinds[0] {
    case .images: (found, damage) = try images(paths[0])
    case .tables:
      found = DataReport(
        try TableDescription(paths.map { path throws(TableFault) in try Table(csv: path) }, target: target))
    case .graphs:
      let graph = try GraphDataset(path: paths[0])
      for remark in graph.remarks { tell(remark) }
      found = DataReport(graph, path: paths[0])
    case .text: found = DataReport(try TextCorpus(path: paths[0], holdingOut: 0), path: paths[0])
    }
    if json { printJSON(JSONValue.object(found.members)) } else { found.lines.forEach(show) }
    if let report {
      let page = try DescriptionPage(report: found, title: ReportCommand.name(of: paths[0])).page()
      tell("report: \(try page.write(to: report))")
    }
    // Last: what is damaged is what the description is for.
    try reading.checkSkipped(damage.images.map { ($0.path, $0.reason) }, of: damage.total)
  }

  private func images(
    _ path: String
  ) throws -> (report: DataReport, damage: (images: [ImageDescription.Damage], total: Int)) {
    let parts = try DataPart.all(path, classes: nil, limit: reading.limit)
    for part in parts { for remark in part.remarks + part.folder.remarks { tell(remark) } }
    let total = parts.reduce(0) { $0 + $1.folder.entries.count }
    var line = ProgressLine()
    defer { line.clear() }
    let described = ImageDescription(
      parts.map { ($0.name, $0.folder) }, workers: reading.workers ?? availableCores()
    ) { line.show(.init("reading", done: $0, total: total)) }
    line.clear()
    return (
      DataReport(described, of: path, entries: report == nil ? nil : parts.flatMap(\.folder.entries)),
      (described.damage, total)
    )
  }
}
