import Aviary
import AviaryArchives
import AviaryPictures

/// A report in a folder: `index.html`, which needs nothing else, and `MODEL_CARD.md`.
struct ReportWriter {
  let title: String
  let facts: ReportFacts
  /// Nil where the report is of a checkpoint alone.
  let record: RunRecord?
  let task: String
  /// Nil where nothing could be evaluated.
  let evaluation: EvaluationReport?
  /// Said where nothing was evaluated.
  var remark: String?
  var examples: [ReportPage.Section] = []

  /// Writes both files, each as a whole.
  ///
  /// - Returns: the path of the page.
  func write(to folder: String) throws -> String {
    let (page, card) = (try page(), card())
    let path = try page.write(to: folder)
    do throws(ArchiveFault) {
      try writeDurably([ByteRegion(Array(card.utf8))], to: folder + "/MODEL_CARD.md")
    } catch {
      throw ReportFault.cannotWrite(path: folder, reason: "\(error)")
    }
    return path
  }

  func card() -> String {
    ModelCard(
      task: task, name: title, facts: facts,
      measures: evaluation.map { EvaluationSections(report: $0).measures } ?? []
    ).text
  }

  func page() throws -> ReportPage {
    let evaluated = evaluation.map { EvaluationSections(report: $0) }
    var summary: [HTML] = []
    if let sentence = facts.sentences.first { summary.append(.element("p", [("class", "lead")], .text(sentence))) }
    if let evaluated {
      let part = facts.part.map { " (\($0) part)" } ?? ""
      summary.append(.element("p", [("class", "lead")], .text(evaluated.lead + part + ".")))
    }
    if let known = facts.partRemark { summary.append(.element("p", [("class", "faint")], .text(known))) }
    if let remark { summary.append(.element("p", [("class", "faint")], .text(remark))) }
    var sections: [ReportPage.Section] = []
    if let evaluated { sections += try evaluated.sections() }
    sections += examples
    if let record, !record.history.isEmpty { sections.append(try curves(record)) }
    sections.append(
      .init(
        "training", "Training", [Self.list(facts.training)] + classNames))
    var repeating: [HTML] = [Self.list(ReportFacts.environment)]
    if let command = facts.command {
      repeating += [.paragraph("This command began the run:"), .element("pre", .element("code", .text(command)))]
    }
    sections.append(.init("environment", "Environment", repeating))
    return ReportPage(title: title, summary: summary, sections: sections)
  }

  private static func list(_ facts: [(name: String, value: String)]) -> HTML {
    .facts(facts.map { (name: $0.name, value: HTML.text($0.value)) })
  }

  private var classNames: [HTML] {
    guard !facts.classes.isEmpty else { return [] }
    let names = facts.classes.enumerated().flatMap { ($0.offset > 0 ? [HTML.text(", ")] : []) + [.name($0.element)] }
    return [
      .element("h3", .text("\(grouped(facts.classes.count)) class\(facts.classes.count == 1 ? "" : "es")")),
      .element("p", [], all: names),
    ]
  }

  private func curves(_ record: RunRecord) throws -> ReportPage.Section {
    let charts = RunCharts(runs: [(title, record)])
    let drawn = try RunQuantity.allCases.compactMap { quantity in
      try charts.chart(quantity).map { try figure($0.drawing(width: 440, height: 320), "\(quantity.title) by epoch.") }
    }
    func cell(_ value: Double?) -> HTML { .text(shown(value)) }
    let rows = record.history.map { row -> [HTML] in
      [
        .text("\(row.epoch)"), cell(row.training.loss), cell(row.training.accuracy), cell(row.validation?.loss),
        cell(row.validation?.accuracy), cell(row.learningRate), cell(row.seconds),
      ]
    }
    return .init(
      "history", "Learning curves",
      [
        .element("div", [("class", "figures")], all: drawn),
        .element(
          "details", .element("summary", "The epochs as a table"),
          .table(
            "Means over each epoch",
            ["Epoch", "Loss", "Accuracy", "Validation loss", "Validation accuracy", "Learning rate", "Seconds"], rows,
            numbers: Set(1...6))),
      ])
  }
}
