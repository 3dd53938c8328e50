import ArgumentParser
import Aviary

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Predict the classes of images, or the target of a table's rows.",
    discussion: """
      Images are JPEG, PNG or WebP. An image that cannot be read is reported, the others are predicted, and the exit code \
      is 1. A checkpoint that was trained on a table takes .csv files with the same columns; one that was trained on a \
      time series forecasts the next value of each file. A network of another program that takes rows or sequences of \
      numbers is given the columns of a .csv file as they are.
      """)

  @Argument(help: "The checkpoint: a file, a run, or the name of shipped weights.") var checkpoint: String
  @Argument(help: ArgumentHelp("The images or tables.", valueName: "image")) var images: [String]
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Print the K most probable classes.", valueName: "k"))
  var top = 5
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var columns: ColumnOptions
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  func validate() throws {
    guard top > 0 else { throw ValidationError("--top \(top) is out of range; use at least 1") }
  }

  func run() throws {
    if images.allSatisfy({ $0.hasSuffix(".csv") }) { return try predictTables() }
    try columns.requireNone(path: checkpoint)
    let loaded = try LoadedModel(checkpoint, source, weights: weights, needsHead: true)
    let findings = try loaded.withProgress("predicting", of: images.count) { progress in
      try loaded.predictor.predict(files: images, workers: availableCores(), progress: progress)
    }
    if json {
      print(object(findings).serialized)
    } else {
      for line in lines(findings) { show(line) }
    }
    let faults = findings.compactMap { if case .failure(let fault) = $0 { fault } else { nil } }
    if let first = faults.first {
      throw CommandFault.unreadableImages(count: faults.count, of: images.count, first: "\(first)")
    }
  }

  private typealias Finding = Result<[ImagePredictor.Answer], PredictionFault>

  private func object(_ findings: [Finding]) -> JSONValue {
    let predictions = zip(images, findings).map { image, finding -> JSONValue in
      switch finding {
      case .success(let answers):
        .members([
          "image": .text(image),
          "classes": .array(
            answers.prefix(top).map { .members(["name": .text($0.name), "probability": .real($0.probability)]) }),
        ])
      case .failure(let fault): .members(["image": .text(image), "error": .text("\(fault)")])
      }
    }
    return .members(["predictions": .array(predictions)])
  }

  private func lines(_ findings: [Finding]) -> [String] {
    zip(images, findings).flatMap { image, finding -> [String] in
      switch finding {
      case .success(let answers):
        [image] + table(answers.prefix(top).map { ["", percent(Double($0.probability)), $0.name] }, right: [1])
      case .failure: [image, "  not predicted"]
      }
    }
  }

  private func predictTables() throws {
    let evaluation = try DataEvaluation(checkpoint, source, weights: weights)
    var predictions = TablePredictions(top: top)
    switch try evaluation.tablePreparation(for: images[0], columns, needsTarget: false) {
    case .series(let preprocessing):
      let model = try evaluation.seriesModel(preprocessing)
      let classes = try evaluation.plainClasses(columns)
      for path in images { predictions.addNext(path, model, preprocessing, classes: classes) }
    case .textColumn(let preprocessing):
      let predictor = try evaluation.textPredictor(preprocessing)
      for path in images { predictions.add(path, predictor, evaluation.model) }
    case .rows(let preprocessing):
      let model = try evaluation.tableModel(preprocessing)
      for path in images { predictions.add(path, model, preprocessing) }
    }
    if json {
      print(predictions.json)
    } else {
      for line in predictions.lines { show(line) }
    }
    if let first = predictions.faults.first {
      throw CommandFault.unpredictedRows(count: predictions.faults.count, of: predictions.count, first: first)
    }
  }
}
