/// The result of a finished run: `summary.json`.
public struct RunSummary: Codable, Equatable, Sendable {
  /// The name of the network.
  public var architecture: String
  /// What the items are called; it is not written.
  public var items = "images"
  /// The names of the classes.
  public var classes: [String]
  /// The number of finished epochs.
  public var epochs: Int
  /// The epoch of `best.h5`, counted from 1.
  public var bestEpoch: Int?
  /// The quantity by which `best.h5` was chosen; nil without validation.
  public var monitor: Monitor?
  /// The validation accuracy of `best.h5`.
  public var bestAccuracy: Double?
  /// The accuracy of `best.h5` on the test items, where there are any.
  public var testAccuracy: Double?
  /// The mean loss of `best.h5` on the validation items.
  public var bestLoss: Double?
  /// The mean F1 score of the classes of the best epoch in validation; only written where classes are predicted.
  public var bestMacroF1: Double?
  /// The balanced accuracy of the best epoch in validation.
  public var bestBalancedAccuracy: Double?
  /// The mean F1 score of the classes in the test.
  public var testMacroF1: Double?
  /// The balanced accuracy in the test.
  public var testBalancedAccuracy: Double?
  /// The weighted F1 score of the best epoch in validation.
  public var bestWeightedF1: Double?
  /// Matthews' correlation of the best epoch in validation.
  public var bestMatthewsCorrelation: Double?
  /// Cohen's κ of the best epoch in validation.
  public var bestCohensKappa: Double?
  /// The weighted F1 score in the test.
  public var testWeightedF1: Double?
  /// Matthews' correlation in the test.
  public var testMatthewsCorrelation: Double?
  /// Cohen's κ in the test.
  public var testCohensKappa: Double?
  /// How often the right class was among the most probable ones in validation; only written where somebody asked.
  public var bestTopK: Double?
  /// The same in the test.
  public var testTopK: Double?
  /// How well `best.h5` estimates the numbers of the validation items, in their own units; only written where it does.
  public var bestRMSE: Double?
  /// The mean absolute error of the best epoch in validation.
  public var bestMAE: Double?
  /// The explained share of the variance of the best epoch in validation.
  public var bestR2: Double?
  /// The mean loss of `best.h5` on the test items.
  public var testLoss: Double?
  /// How well `best.h5` estimates the numbers of the test items, in their own units. Only runs that estimate numbers have
  /// these four, and only theirs are written: root mean squared error, mean absolute error, R², and whether the estimates are
  /// all but one number (`RegressionMetrics`).
  public var testRMSE: Double?
  /// The mean absolute error in the test.
  public var testMAE: Double?
  /// The explained share of the variance in the test.
  public var testR2: Double?
  /// Whether all targets of the test are the same, so that no share is explained.
  public var testIsConstant: Bool?
  /// The mean pseudo-log-likelihood of the validation and the test items; only written where it is known.
  public var bestPseudoLikelihood: Double?
  /// The pseudo-likelihood in the test.
  public var testPseudoLikelihood: Double?
  /// While learning, over all epochs.
  public var imagesPerSecond: Double?
  /// The number of learned numbers in the model.
  public var parameters: Int
  /// How many of them were not frozen.
  public var trainable: Int
  /// The number of items left out because they cannot be read.
  public var skipped: Int
  /// How long the run took.
  public var seconds: Double

  /// A summary of these values.
  public init(
    architecture: String, classes: [String], state: LoopState, choice: BestChoice = BestChoice(), test: Scores?,
    numbers: RegressionMetrics? = nil, items: String = "images", parameters: Int,
    trainable: Int,
    skipped: Int
  ) {
    self.architecture = architecture
    self.items = items
    self.classes = classes
    epochs = state.epoch
    bestEpoch = state.best?.epoch
    bestAccuracy = state.best?.scores?.accuracy
    bestLoss = state.best?.scores?.loss
    monitor = state.best?.scores.map { choice.quantity(of: $0) }
    bestMacroF1 = state.best?.scores?.macroF1
    bestBalancedAccuracy = state.best?.scores?.balancedAccuracy
    testMacroF1 = test?.macroF1
    testBalancedAccuracy = test?.balancedAccuracy
    let best = state.best?.scores
    (bestWeightedF1, testWeightedF1) = (best?.weightedF1, test?.weightedF1)
    (bestMatthewsCorrelation, testMatthewsCorrelation) = (best?.matthewsCorrelation, test?.matthewsCorrelation)
    (bestCohensKappa, testCohensKappa) = (best?.cohensKappa, test?.cohensKappa)
    (bestTopK, testTopK) = (best?.topK, test?.topK)
    bestRMSE = state.best?.scores?.rmse
    bestMAE = state.best?.scores?.mae
    bestR2 = state.best?.scores?.r2
    bestPseudoLikelihood = state.best?.scores?.pseudoLikelihood
    testPseudoLikelihood = test?.pseudoLikelihood
    testAccuracy = test?.accuracy
    testLoss = test?.loss
    testRMSE = numbers?.rootMeanSquaredError
    testMAE = numbers?.meanAbsoluteError
    testR2 = numbers?.r2
    testIsConstant = numbers?.isConstant
    let rates = state.history.compactMap(\.itemsPerSecond)
    // Epochs have the same number of images: their mean rate is the harmonic one.
    imagesPerSecond = rates.isEmpty ? nil : Double(rates.count) / rates.reduce(0) { $0 + 1 / $1 }
    self.parameters = parameters
    self.trainable = trainable
    self.skipped = skipped
    seconds = state.elapsedSeconds
  }

  /// What `best.h5` has of a quantity on the test items; nil where that was not scored.
  public func tested(_ quantity: Monitor) -> Double? {
    switch quantity {
    case .loss: testLoss
    case .accuracy: testAccuracy
    case .macroF1: testMacroF1
    case .balancedAccuracy: testBalancedAccuracy
    case .weightedF1: testWeightedF1
    case .matthewsCorrelation: testMatthewsCorrelation
    case .cohensKappa: testCohensKappa
    case .topK: testTopK
    case .rmse: testRMSE
    case .mae: testMAE
    case .r2: testR2
    case .pseudoLikelihood: testPseudoLikelihood
    }
  }

  private enum CodingKeys: String, CodingKey {
    case architecture, classes, epochs
    case bestEpoch = "best_epoch"
    case bestAccuracy = "best_accuracy"
    case testAccuracy = "test_accuracy"
    case bestLoss = "best_loss"
    case testLoss = "test_loss"
    case monitor
    case bestMacroF1 = "best_macro_f1"
    case bestBalancedAccuracy = "best_balanced_accuracy"
    case testMacroF1 = "test_macro_f1"
    case testBalancedAccuracy = "test_balanced_accuracy"
    case bestWeightedF1 = "best_weighted_f1"
    case bestMatthewsCorrelation = "best_matthews_correlation"
    case bestCohensKappa = "best_cohens_kappa"
    case testWeightedF1 = "test_weighted_f1"
    case testMatthewsCorrelation = "test_matthews_correlation"
    case testCohensKappa = "test_cohens_kappa"
    case bestTopK = "best_top_k"
    case testTopK = "test_top_k"
    case bestRMSE = "best_rmse"
    case bestMAE = "best_mae"
    case bestR2 = "best_r2"
    case testRMSE = "test_rmse"
    case testMAE = "test_mae"
    case testR2 = "test_r2"
    case testIsConstant = "test_constant"
    case bestPseudoLikelihood = "best_pseudo_likelihood"
    case testPseudoLikelihood = "test_pseudo_likelihood"
    case imagesPerSecond = "images_per_second"
    case parameters, trainable, skipped, seconds
  }

  /// Every key is there, but for those of classes or of estimated numbers alone: what is not known is null.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(architecture, forKey: .architecture)
    try container.encode(classes, forKey: .classes)
    try container.encode(epochs, forKey: .epochs)
    try container.encode(bestEpoch, forKey: .bestEpoch)
    try container.encode(bestAccuracy, forKey: .bestAccuracy)
    try container.encode(testAccuracy, forKey: .testAccuracy)
    try container.encode(bestLoss, forKey: .bestLoss)
    try container.encode(testLoss, forKey: .testLoss)
    try container.encode(monitor, forKey: .monitor)
    try container.encodeIfPresent(bestMacroF1, forKey: .bestMacroF1)
    try container.encodeIfPresent(bestBalancedAccuracy, forKey: .bestBalancedAccuracy)
    try container.encodeIfPresent(testMacroF1, forKey: .testMacroF1)
    try container.encodeIfPresent(testBalancedAccuracy, forKey: .testBalancedAccuracy)
    try container.encodeIfPresent(bestWeightedF1, forKey: .bestWeightedF1)
    try container.encodeIfPresent(bestMatthewsCorrelation, forKey: .bestMatthewsCorrelation)
    try container.encodeIfPresent(bestCohensKappa, forKey: .bestCohensKappa)
    try container.encodeIfPresent(testWeightedF1, forKey: .testWeightedF1)
    try container.encodeIfPresent(testMatthewsCorrelation, forKey: .testMatthewsCorrelation)
    try container.encodeIfPresent(testCohensKappa, forKey: .testCohensKappa)
    try container.encodeIfPresent(bestTopK, forKey: .bestTopK)
    try container.encodeIfPresent(testTopK, forKey: .testTopK)
    try container.encodeIfPresent(bestRMSE, forKey: .bestRMSE)
    try container.encodeIfPresent(bestMAE, forKey: .bestMAE)
    try container.encodeIfPresent(bestR2, forKey: .bestR2)
    try container.encodeIfPresent(testRMSE, forKey: .testRMSE)
    try container.encodeIfPresent(testMAE, forKey: .testMAE)
    try container.encodeIfPresent(testR2, forKey: .testR2)
    try container.encodeIfPresent(testIsConstant, forKey: .testIsConstant)
    try container.encodeIfPresent(bestPseudoLikelihood, forKey: .bestPseudoLikelihood)
    try container.encodeIfPresent(testPseudoLikelihood, forKey: .testPseudoLikelihood)
    try container.encode(imagesPerSecond, forKey: .imagesPerSecond)
    try container.encode(parameters, forKey: .parameters)
    try container.encode(trainable, forKey: .trainable)
    try container.encode(skipped, forKey: .skipped)
    try container.encode(seconds, forKey: .seconds)
  }
}
