/// The results of several runs on other parts of the same data: `summary.json` of their folder.
public struct MemberSummary: Codable, Equatable, Sendable {
  /// The network that was trained.
  public var architecture: String
  /// The names of the classes; empty where numbers are estimated.
  public var classes: [String]
  /// The number of folds; nil of bootstrap samples.
  public var folds: Int?
  /// How many times the data were divided into folds; nil of bootstrap samples.
  public var repeats: Int?
  /// The number of bootstrap samples; nil of folds.
  public var members: Int?
  /// How the items were divided: `k-fold`, `stratified`, `grouped`, `stratified-grouped`, `time-series` or `bootstrap`.
  public var division: String
  /// By its name, each score over the runs; of folds on what each held out, of bootstrap samples on the common test part.
  public var scores: [String: Score]
  /// All predictions of items by networks that did not learn from them, together; nil where none are kept.
  public var pooled: Pooled?
  /// The runs, in the order of their folders.
  public var runs: [Run]
  /// How long all runs took together.
  public var seconds: Double

  /// A score over the runs.
  public struct Score: Codable, Equatable, Sendable {
    /// The mean of `values`.
    public var mean: Double
    /// The standard deviation of a sample (divided by one less than the number of runs).
    public var deviation: Double
    /// The ends of the 95 % interval, by Student's t.
    public var interval: [Double]
    /// The same with Nadeau and Bengio's correction for training items in common; nil of bootstrap samples.
    public var correctedInterval: [Double]?
    /// The score of each run.
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
    /// How many different items are predicted.
    public var items: Int
    /// How many predictions there are: repeated folds predict each item once a repetition. nil in summaries of 0.1.
    public var predictions: Int?
    /// Of classes: the share of the predictions that is right.
    public var accuracy: Double?
    /// The ends of Wilson's 95 % interval of `accuracy`, for the number of items: further predictions of one are no further items.
    public var accuracyInterval: [Double]?
    /// Of numbers: the root of the mean squared error, in their units.
    public var rmse: Double?
    /// Of numbers: the mean absolute error, in their units.
    public var mae: Double?

    private enum CodingKeys: String, CodingKey {
      case file, items, predictions, accuracy, rmse, mae
      case accuracyInterval = "accuracy_interval"
    }
  }

  /// One run.
  public struct Run: Codable, Equatable, Sendable {
    /// The name of its folder: `fold-1`, `member-1`.
    public var folder: String
    /// The fold that it holds out, from 1; nil of bootstrap samples.
    public var fold: Int?
    /// Which division into folds it belongs to, from 1; nil where there is one.
    public var repetition: Int?
    /// How many epochs it trained.
    public var epochs: Int
    /// The epoch of its `best.h5`, from 1.
    public var bestEpoch: Int?
    /// The share of right predictions on what the run is tested on.
    public var accuracy: Double?
    /// The mean loss there.
    public var loss: Double?
    /// The root of the mean squared error there, of numbers.
    public var rmse: Double?
    /// How long it took.
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
