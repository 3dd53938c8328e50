import Aviary

extension EvaluationReport {
  /// Of a classification; `item` is the word for one example.
  init(_ metrics: ClassificationMetrics, item: String, skipped: [(path: String, reason: String)] = []) {
    let findings = metrics.probabilities.map { ProbabilityFindings($0, metrics.classes) }
    let undefined = metrics.undefined + (findings?.undefined ?? [])
    (content, self.item) = (.classes(metrics, findings), item)
    isFinite = metrics.meanLoss?.isFinite ?? true
    lines = [
      "\(counted(metrics.count, item)), accuracy \(percent(metrics.accuracy ?? 0)), "
        + "loss \(fixed(metrics.meanLoss ?? 0, 4))\(skipped.isEmpty ? "" : ", \(skipped.count) skipped")"
    ]
    lines += Self.classTable(metrics, findings)
    // --json has the matrix of more classes.
    if metrics.classes.count <= 20 {
      lines.append("confusion (rows: true class, columns: predicted)")
      var matrix = [[""] + metrics.classes]
      for (name, row) in zip(metrics.classes, metrics.confusion) { matrix.append([name] + row.map(grouped)) }
      lines += table(matrix, right: Set(1...metrics.classes.count))
    }
    lines.append(
      "balanced accuracy \(metrics.balancedAccuracy.map(percent) ?? "-"), "
        + "Matthews correlation \(shown(metrics.matthewsCorrelation)), Cohen's kappa \(shown(metrics.cohensKappa))")
    lines += findings?.lines ?? []
    lines += undefined.map { "undefined: \($0)" }
    // The numbers of a matrix are as many as the classes squared.
    let isWhole = metrics.classes.count <= ClassificationMetrics.mostInMatrix
    members = [
      (item + "s", .integer(metrics.count)),
      ("accuracy", .real(metrics.accuracy)),
      ("loss", .real(metrics.meanLoss)),
      ("confusion", isWhole ? .array(metrics.confusion.map { .array($0.map { .integer($0) }) }) : .null),
      ("classes", .texts(metrics.classes)),
      ("precision", .reals(metrics.precision)),
      ("recall", .reals(metrics.recall)),
      ("f1", .reals(metrics.f1)),
      ("support", .array(metrics.support.map { .integer($0) })),
      ("confusion_rates", isWhole ? .array(metrics.confusionRates.map { .reals($0) }) : .null),
      ("macro", .averages(metrics.macroAverage)),
      ("weighted", .averages(metrics.weightedAverage)),
      ("balanced_accuracy", .real(metrics.balancedAccuracy)),
      ("matthews_correlation", .real(metrics.matthewsCorrelation)),
      ("cohens_kappa", .real(metrics.cohensKappa)),
    ]
    if !isWhole {
      let pairs = metrics.confusedPairs.map { pair in
        JSONValue.array([.integer(pair.label), .integer(pair.predicted), .integer(pair.count)])
      }
      members.append(("confusion_pairs", .array(pairs)))
    }
    members += findings?.members ?? []
    members += [
      ("undefined", .texts(undefined)),
      ("skipped", .array(skipped.map { .members(["image": .text($0.path), "error": .text($0.reason)]) })),
    ]
  }

  /// A row for each class, then the averages, as scikit-learn's classification_report has them.
  private static func classTable(_ metrics: ClassificationMetrics, _ findings: ProbabilityFindings?) -> [String] {
    let thresholds = findings?.areas?.classes.map(\.threshold)
    var rows = [["class", "precision", "recall", "F1", "support"] + (thresholds == nil ? [] : ["threshold"])]
    let (precision, recall, f1, support) = (metrics.precision, metrics.recall, metrics.f1, metrics.support)
    for (index, name) in metrics.classes.enumerated() {
      let shares = [precision[index], recall[index], f1[index]]
      rows.append(
        [name] + shares.map { $0.map(percent) ?? "-" } + [grouped(support[index])]
          + (thresholds.map { [$0[index].map { "\(significant($0, 4))" } ?? "-"] } ?? []))
    }
    for (name, average) in [("(macro average)", metrics.macroAverage), ("(weighted average)", metrics.weightedAverage)]
    {
      guard let average else { continue }
      rows.append([name] + [average.precision, average.recall, average.f1].map(percent) + [grouped(metrics.count)])
    }
    return table(rows, right: [1, 2, 3, 4, 5])
  }
}

/// What probabilities say, computed once for lines and JSON.
struct ProbabilityFindings {
  let probabilities: ClassProbabilities
  /// Nil where there were too many to keep.
  let areas: ClassAreas?
  let temperature: TemperatureScaling.Outcome
  let undefined: [String]

  init(_ probabilities: ClassProbabilities, _ classes: [String]) {
    self.probabilities = probabilities
    areas = probabilities.isComplete ? probabilities.areas() : nil
    temperature = probabilities.temperatureScaling()
    undefined = probabilities.undefined(classes, temperature)
  }

  /// Which places of the order of probabilities are counted.
  var places: [Int] { [2, 3, 5, 10].filter { $0 < probabilities.classes } }

  var lines: [String] {
    var lines: [String] = []
    let tops = places.map { "top \($0) \(probabilities.topAccuracy($0).map(percent) ?? "-")" }
    if !tops.isEmpty { lines.append("accuracy among the most probable: " + tops.joined(separator: ", ")) }
    lines.append("log loss \(shown(probabilities.logLoss)), Brier score \(shown(probabilities.brierScore))")
    if let areas {
      func pair(_ value: Double?, _ weighted: Double?) -> String {
        probabilities.classes > 2 ? "\(shown(value)) (weighted \(shown(weighted)))" : shown(value)
      }
      lines.append(
        "ROC area \(pair(areas.roc, areas.weightedROC)), "
          + "average precision \(pair(areas.averagePrecision, areas.weightedAveragePrecision))"
          + (probabilities.classes > 2 ? ", each class against the rest" : ", of the second class"))
    }
    var calibration =
      "expected calibration error \(probabilities.reliability.expectedCalibrationError.map(percent) ?? "-")"
    if let scaling = temperature.scaling {
      calibration +=
        "; with temperature \(significant(scaling.temperature, 4)): "
        + (scaling.reliability.expectedCalibrationError.map(percent) ?? "-")
        + ", log loss \(significant(scaling.logLoss, 4))"
    }
    lines.append(calibration)
    return lines
  }

  var members: [(String, JSONValue)] {
    var members: [(String, JSONValue)] = [
      ("top_k_accuracy", .object(places.map { .init("\($0)", .real(probabilities.topAccuracy($0))) })),
      ("log_loss", .real(probabilities.logLoss)),
      ("brier_score", .real(probabilities.brierScore)),
    ]
    let classes = areas?.classes ?? []
    members += [
      ("roc_auc", .real(areas?.roc)), ("average_precision", .real(areas?.averagePrecision)),
      ("roc_auc_by_class", .reals(classes.map(\.roc))),
      ("average_precision_by_class", .reals(classes.map(\.averagePrecision))),
      ("thresholds", .reals(classes.map(\.threshold))), ("f1_at_thresholds", .reals(classes.map(\.f1))),
    ]
    if probabilities.classes > 2 {
      members += [
        ("roc_auc_weighted", .real(areas?.weightedROC)),
        ("average_precision_weighted", .real(areas?.weightedAveragePrecision)),
      ]
    }
    members.append(("calibration", calibration))
    return members
  }

  private var calibration: JSONValue {
    let bins = probabilities.reliability.bins.map { bin in
      JSONValue.members([
        "from": .real(bin.lower), "to": .real(bin.upper), "count": .integer(bin.count),
        "confidence": .real(bin.meanConfidence), "accuracy": .real(bin.accuracy),
      ])
    }
    let scaling = temperature.scaling
    return .members([
      "bins": .array(bins),
      "expected_calibration_error": .real(probabilities.reliability.expectedCalibrationError),
      "temperature": .real(scaling?.temperature),
      "expected_calibration_error_scaled": .real(scaling?.reliability.expectedCalibrationError),
      "log_loss_scaled": .real(scaling?.logLoss),
    ])
  }
}

extension JSONValue {
  fileprivate static func reals(_ values: [Double?]) -> JSONValue { .array(values.map { .real($0) }) }

  fileprivate static func averages(_ scores: AveragedScores?) -> JSONValue {
    guard let scores else { return .null }
    return .members(["precision": .real(scores.precision), "recall": .real(scores.recall), "f1": .real(scores.f1)])
  }
}
