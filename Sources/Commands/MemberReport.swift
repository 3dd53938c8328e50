import Aviary

extension MemberSummary {
  /// For a person: each score with its scatter and interval, then where everything is.
  func lines(_ folder: String) -> [String] {
    var lines = [
      "\(architecture): \(described) in \(fixed(seconds, 1)) s"
    ]
    for (name, label) in Self.labels {
      guard let score = scores[name] else { continue }
      lines.append("\(label) \(shown(score, isShare: Self.shares.contains(name)))")
    }
    if let corrected = scores["accuracy"]?.correctedInterval ?? scores["rmse"]?.correctedInterval {
      let isShare = scores["accuracy"] != nil
      lines.append(
        "corrected for the training data that runs have in common (Nadeau and Bengio): "
          + "\(number(corrected[0], isShare)) to \(number(corrected[1], isShare))")
    }
    if let pooled {
      let what = members == nil ? "out of fold" : "out of bag"
      let predictions = pooled.predictions ?? pooled.items
      var line = "\(what): \(grouped(predictions)) predictions"
      if predictions > pooled.items { line += " of \(counted(pooled.items, "item"))" }
      if let accuracy = pooled.accuracy { line += ", accuracy \(percent(accuracy))" }
      if let ends = pooled.accuracyInterval {
        line +=
          " (\(percent(ends[0])) to \(percent(ends[1])), 95 % by Wilson\(predictions > pooled.items ? " over items" : ""))"
      }
      if let rmse = pooled.rmse { line += ", RMSE \(significant(rmse, 5))" }
      if let mae = pooled.mae { line += ", MAE \(significant(mae, 5))" }
      lines.append(line)
    }
    let files = (pooled.map { [$0.file] } ?? []) + ["summary.json"]
    let runs = runs.map(\.folder)
    lines.append("\(folder)/\(runs.first ?? "") … \(runs.last ?? ""), " + files.joined(separator: ", "))
    return lines
  }

  private static let labels = [
    ("accuracy", "accuracy"), ("macro_f1", "macro F1"), ("balanced_accuracy", "balanced accuracy"),
    ("loss", "loss"), ("rmse", "RMSE"), ("mae", "MAE"), ("r2", "R²"),
  ]
  private static let shares: Set<String> = ["accuracy", "macro_f1", "balanced_accuracy"]

  private var described: String {
    guard let folds else { return "\(members ?? 0) bootstrap samples, scored on the common test part" }
    let times = (repeats ?? 1) > 1 ? ", \(repeats ?? 1) times" : ""
    return "\(folds) folds\(times) (\(division)), each scored on what it held out"
  }

  private func number(_ value: Double, _ isShare: Bool) -> String {
    isShare ? percent(value) : "\(significant(value, 5))"
  }

  private func shown(_ score: Score, isShare: Bool) -> String {
    "\(number(score.mean, isShare)) ± \(number(score.deviation, isShare)) "
      + "(95 % interval \(number(score.interval[0], isShare)) to \(number(score.interval[1], isShare)), "
      + "by Student's t over \(score.values.count) runs)"
  }
}
