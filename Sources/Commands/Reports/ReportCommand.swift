import ArgumentParser
import Aviary
import AviaryArchives

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write a page and a model card about a run: scores, curves, mistakes, how to repeat it.",
    discussion: """
      The best weights are evaluated on the part of the run's data that was held out of the training. index.html holds \
      everything it shows: it fetches nothing, runs no script and can be sent by mail. MODEL_CARD.md has the same facts with \
      the front matter that Hugging Face reads.
      """)

  @Argument(help: ArgumentHelp("The folder of the run.", valueName: "run")) var folder: String
  @Option(help: ArgumentHelp("The folder of the report (RUN/report).", valueName: "dir")) var output: String?
  @Option(help: ArgumentHelp("The data to evaluate on (the run's own).", valueName: "data")) var data: String?
  @Option(help: ArgumentHelp("The part of the data, as for evaluate.", valueName: "part")) var part: EvaluationPart?
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var reading: ReadingArguments
  @OptionGroup var weights: WeightsOptions

  func run() throws {
    let record = try RunRecord(ofOne: folder)
    let best = folder + "/best.h5"
    guard FileSystem.exists(best) else { throw ReportFault.nothingToDraw(run: folder) }
    let (output, title) = (output ?? folder + "/report", Self.name(of: folder))
    try ReportPage.check(output)
    // As the run itself scored its test part.
    if let precision = record.options?.precision, precision.isAvailable { Compute.precision = precision }
    let evaluation: CheckpointEvaluation
    do {
      guard let data = data ?? record.options?.data, !data.isEmpty else { throw ReportFault.noData(run: folder) }
      evaluation = try CheckpointEvaluation(
        best, on: data, part: part, columns: try ColumnOptions.parse([]), reading: reading,
        source: try SourceOptions.parse([]), weights: weights, writing: try WritingOptions.parse([]),
        slices: .init(isForPage: true))
    } catch {
      // Data that are gone do not cost the rest of the report.
      guard data == nil else { throw error }
      if case .tooManySkipped? = error as? TrainingFault { throw error }
      let reason = "\(error)"
      tell("not evaluated: \(reason)")
      let facts = ReportFacts(try Checkpoint.read(from: best).metadata, record)
      let writer = ReportWriter(
        title: title, facts: facts, record: record, task: "other", evaluation: nil, remark: "Not evaluated: \(reason)")
      return show(try writer.write(to: output))
    }
    show(try evaluation.writeReport(to: output, title: title, record: record))
  }

  /// What a run or checkpoint is called.
  static func name(of path: String) -> String {
    absolutePath(path).split(separator: "/").last { $0 != "." }.map(String.init) ?? path
  }
}
