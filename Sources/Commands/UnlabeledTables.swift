import Aviary
import AviaryHDF5
import AviaryHDF5Writing

// Networks that learned a table without labels, in the commands for data.

extension DataEvaluation {
  /// How the network's table was prepared, where it learned without labels; nil of other networks.
  func unlabeled() throws -> (model: any EnergyModel, preparation: UnlabeledPreparation)? {
    guard case .unlabeled(let preparation)? = try checkpoint.inputPreparation() else { return nil }
    let parts = preparation.visibleParts
    guard let model = model as? any EnergyModel, model.visibleParts == parts else {
      throw CommandFault.otherOutputs(path: path, reason: "its network does not have the visible units of its data")
    }
    return (model, preparation)
  }

  /// On what was held out of the training, by default, and on all of other data.
  func evaluation(
    of data: String, _ model: any EnergyModel, _ preparation: UnlabeledPreparation
  ) throws -> EvaluationReport {
    switch preparation {
    case .columns(let units): return try columns(data, model, units)
    case .ratings(let preparation): return try ratings(data, RatingModel(model, preparation))
    case .words(let preparation): return try words(data, TopicModel(model, preparation))
    }
  }

  /// The rows of the part that is evaluated; nil for all.
  private func rows(_ data: String, count: Int, _ item: String) throws -> (rows: [Int]?, part: EvaluationPart) {
    let choice = PartChoice(given: part, checkpoint: checkpoint, path: path, data: data)
    guard let (part, split) = try choice.division(all: counted(count, item)) else { return (nil, .all) }
    let rows = try split.rows(of: part, count: count, path: data)
    choice.tellPart(part, count: rows.count, of: count, item)
    return (rows, part)
  }

  private func columns(_ data: String, _ model: any EnergyModel, _ units: ColumnUnits) throws -> EvaluationReport {
    let table = try units.table(csv: data)
    for remark in table.remarks(on: units.columnNames) { tell("\(data): \(remark)") }
    let (rows, part) = try rows(data, count: table.rowCount, "row")
    let (visible, remarks) = try units.visible(of: table, rows: rows)
    for remark in remarks { tell("\(data): \(remark)") }
    return EvaluationReport(unlabeledMetrics(of: visible, model), item: "row").onPart(part)
  }

  private func ratings(_ data: String, _ model: RatingModel) throws -> EvaluationReport {
    let settings = model.preparation.settings
    let all = try Ratings(csv: data, settings)
    for remark in all.remarks { tell("\(data): \(remark)") }
    let choice = PartChoice(given: part, checkpoint: checkpoint, path: path, data: data)
    guard let (part, split) = try choice.division(all: counted(all.given.count, "rating")) else {
      let (known, unknown) = try model.preparation.known(all.given, path: data)
      tell("\(data): each rating is predicted from the other ratings of its user")
      return try report(RatingMetrics(known, from: nil, model), unknown: unknown, data).onPart(.all)
    }
    let parts = try RatingParts(data, settings, split, keeping: model.preparation)
    let chosen =
      switch part {
      case .train: parts.training
      case .validation: parts.validation
      case .test, .all: parts.test
      }
    choice.tellPart(part, count: chosen.count, of: all.given.count, "rating")
    let metrics = RatingMetrics(chosen, from: part == .train ? nil : parts.training, model)
    return try report(metrics, unknown: 0, data).onPart(part)
  }

  private func report(_ metrics: RatingMetrics, unknown: Int, _ data: String) throws -> EvaluationReport {
    if unknown > 0 {
      tell("\(data): \(counted(unknown, "rating")) of items that the network does not know are left out")
    }
    guard metrics.ratings.count > 0 else { throw TableFault.noRatings(path: data, user: nil) }
    return EvaluationReport(metrics)
  }

  private func words(_ data: String, _ model: TopicModel) throws -> EvaluationReport {
    let table = try model.preparation.table(csv: data)
    let (rows, part) = try rows(data, count: table.rowCount, "row")
    let metrics = model.completion(of: try model.preparation.documents(of: table, rows: rows))
    guard metrics.words > 0 else {
      throw TableFault.noWords(path: data, column: model.preparation.settings.column ?? model.preparation.words[0])
    }
    return EvaluationReport(metrics, topics: model.topics()).onPart(part)
  }
}

extension DataEvaluation {
  /// Writes the probabilities of the hidden units for every row, user or document of a file.
  func writeFeatures(
    of data: String, to output: String, _ model: any EnergyModel, _ preparation: UnlabeledPreparation,
    withReconstructions: Bool, asJSON: Bool
  ) throws {
    var count = 0
    let hidden = model.configuration.outputs
    try HDF5RowWriter.write(to: output) { writer in
      let remarks = try preparation.forEachBatch(csv: data) { visible, names in
        let energies = model.freeEnergies(visible).scalars
        guard energies.allSatisfy(\.isFinite) else { throw PredictionFault.notFinite(of: data, model) }
        count += names.count
        try writer.append(inference { model.hiddenProbabilities(visible) }.scalars, width: hidden, to: "features")
        try writer.append(energies, width: 1, to: "free_energies")
        if withReconstructions {
          let made = inference { model.reconstruction(visible, completing: true) }
          try writer.append(made.scalars, width: visible.shape[1], to: "reconstructions")
        }
        try writer.append(names, to: "names")
      }
      for remark in remarks { tell("\(data): \(remark)") }
      return [
        HDF5Attribute("format", .text("aviary features")),
        HDF5Attribute("architecture", .text(checkpoint.metadata.architecture ?? "")),
      ]
    }
    FeaturesCommand.report(
      output, images: count, width: hidden, skipped: [], asJSON: asJSON, item: preparation.item)
  }
}

extension EvaluationReport {
  /// Of predicted ratings.
  fileprivate init(_ metrics: RatingMetrics) {
    self.init(metrics.ratings, item: "rating")
    func shown(_ value: Double?) -> String { value.map { "\(significant($0, 5))" } ?? "-" }
    lines += table(
      [["", "RMSE", "MAE"]]
        + [
          ("the network", metrics.ratings), ("each item's mean", metrics.itemMean),
          ("the global mean", metrics.globalMean),
        ]
        .map { [$0, shown($1.rootMeanSquaredError), shown($1.meanAbsoluteError)] },
      right: [1, 2])
    for (name, baseline) in [("item_mean", metrics.itemMean), ("global_mean", metrics.globalMean)] {
      members += [
        ("\(name)_rmse", .real(baseline.rootMeanSquaredError)), ("\(name)_mae", .real(baseline.meanAbsoluteError)),
      ]
    }
  }

  /// Of predicted words.
  fileprivate init(_ metrics: TopicMetrics, topics: [[String]]) {
    (content, item) = (.other, "word")
    let (loss, baseline) = (metrics.loss ?? 0, metrics.baselineLoss ?? 0)
    isFinite = loss.isFinite
    lines =
      [
        "\(counted(Int(metrics.words), "word")), each predicted from the other half of its document: loss "
          + "\(fixed(loss, 4)) nats per word; by how frequent words are: \(fixed(baseline, 4))"
      ] + TopicModel.lines(topics)
    members = [
      ("words", .integer(Int(metrics.words))), ("loss", .real(loss)), ("baseline_loss", .real(baseline)),
      ("topics", .array(topics.map { .texts($0) })),
    ]
  }
}

extension TopicModel {
  /// The topics of a checkpoint; nil of networks that did not learn words, and of those that cannot be built.
  static func topics(of checkpoint: Checkpoint, path: String) -> [[String]]? {
    guard case .unlabeled(let preparation)? = try? checkpoint.inputPreparation(), case .words(let words) = preparation,
      let model = try? AviaryCommand.registry.model(from: checkpoint, path: path).model as? any EnergyModel,
      model.visibleParts == preparation.visibleParts
    else { return nil }
    return TopicModel(model, words).topics()
  }

  /// The words of each topic, a line each.
  static func lines(_ topics: [[String]]) -> [String] {
    topics.enumerated().map { "topic \($0 + 1): \($1.isEmpty ? "-" : $1.joined(separator: ", "))" }
  }
}
