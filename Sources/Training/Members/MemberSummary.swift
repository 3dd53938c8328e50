/// The results of several runs on other parts of the same data: `summary.json` of their folder.
public struct MemberSummary: Codable, Equatable, Sendable {
  public var architecture: String
  public var classes: [String]
  /// The number of folds and of divisions into folds; nil of bootstrap samples.
  public var folds: Int?
  public var repeats: Int?
  /// The number of bootstrap samples; nil of folds.
  public var members: Int?
  /// How the items were divided: `k-fold`, `stratified`, `grouped`, `stratified-grouped`, `time-series` or `bootstrap`.
  public var division: String
  /// By its name, each score over the runs; of folds on what each held out, of bootstrap samples on the common test part.
  public var scores: [String: Score]
  /// All predictions of items by networks that did not learn from them, together; nil where none are kept.
  public var pooled: Pooled?
  public var runs: [Run]
  public var seconds: Double

  public struct Score: Codable, Equatable, Sendable {
    public var mean: Double
    public var deviation: Double
    /// The ends of the 95 % interval, by Student's t.
    public var interval: [Double]
    /// The same with Nadeau and Bengio's correction for training items in common; nil of bootstrap samples.
    public var correctedInterval: [Double]?
    public var values: [Double]

    private enum CodingKeys: String, CodingKey {
      case mean, deviation, interval, values
      case correctedInterval = "corrected_interval"
    }

    init(_ score: MeanScore) {
      (mean, deviation, values) = (score.mean, score.deviation, score.values)
      interval = [score.interval.lower, score.interval.upper]
      correctedInterval = score.correctedInterval.map { [$0.lower, $0.upper] }
    }
  }

  /// The scores of predictions by networks that did not learn from the items, over all items.
  public struct Pooled: Codable, Equatable, Sendable {
    /// The file of the predictions.
    public var file: String
    public var items: Int
    /// Of classes: the share that is right, with Wilson's 95 % interval.
    public var accuracy: Double?
    public var accuracyInterval: [Double]?
    /// Of numbers.
    public var rmse: Double?
    public var mae: Double?

    private enum CodingKeys: String, CodingKey {
      case file, items, accuracy, rmse, mae
      case accuracyInterval = "accuracy_interval"
    }
  }

  public struct Run: Codable, Equatable, Sendable {
    public var folder: String
    public var fold: Int?
    public var repetition: Int?
    public var epochs: Int
    public var bestEpoch: Int?
    public var accuracy: Double?
    public var loss: Double?
    public var rmse: Double?
    public var seconds: Double

    private enum CodingKeys: String, CodingKey {
      case folder, fold, epochs, accuracy, loss, rmse, seconds
      case repetition = "repeat"
      case bestEpoch = "best_epoch"
    }
  }
}

extension RunSummary {
  /// What `best.h5` scores on the test items, by name, better or worse.
  var testScores: [String: Double] {
    let scores: [String: Double?] = [
      "accuracy": testAccuracy, "loss": testLoss, "macro_f1": testMacroF1, "balanced_accuracy": testBalancedAccuracy,
      "rmse": testRMSE, "mae": testMAE, "r2": testR2,
    ]
    return scores.compactMapValues { $0 }
  }
}

extension MemberSummary {
  /// - Parameters:
  ///   - names: the folders of the runs.
  ///   - heldOut: how many items a fold holds out for one that it learns from.
  init(
    _ members: MemberOptions, division: String, _ summaries: [RunSummary], names: [String], pooled: Pooled?,
    heldOut: Double?
  ) {
    architecture = summaries.first?.architecture ?? ""
    classes = summaries.first?.classes ?? []
    var count = 0
    switch members {
    case .folds(let folds, let repetitions):
      (self.folds, repeats, self.members) = (folds, repetitions, nil)
      count = folds
    case .bootstrap(let members): (folds, repeats, self.members) = (nil, nil, members)
    }
    self.division = division
    self.pooled = pooled
    var scores: [String: Score] = [:]
    for name in summaries.first?.testScores.keys.sorted() ?? [] {
      let values = summaries.compactMap { $0.testScores[name] }
      let bounds = Monitor(rawValue: name.replacing("_", with: "-"))?.bounds
      if values.count == summaries.count, let score = MeanScore(values, heldOut: heldOut, bounds: bounds) {
        scores[name] = Score(score)
      }
    }
    self.scores = scores
    runs = zip(names, summaries).enumerated().map { number, run in
      Run(
        folder: run.0, fold: count > 0 ? number % count + 1 : nil, repetition: count > 0 ? number / count + 1 : nil,
        epochs: run.1.epochs, bestEpoch: run.1.bestEpoch, accuracy: run.1.testAccuracy, loss: run.1.testLoss,
        rmse: run.1.testRMSE, seconds: run.1.seconds)
    }
    seconds = summaries.reduce(0) { $0 + $1.seconds }
  }
}
