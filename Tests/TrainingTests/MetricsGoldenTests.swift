import AviaryTestSupport
import AviaryTraining
import Foundation
import Testing

/// The metrics equal scikit-learn's (`tools/goldens_metrics.py`).
@Suite struct MetricsGoldenTests {
  private struct File: Decodable {
    let classification: [String: Classification]
    let regression: [String: Regression]
  }

  struct Classification: Decodable {
    let classes: Int
    let labels: [Int]
    let probabilities: [Double]
    let precision, recall, f1: [Double?]
    let support: [Int]
    let macro, weighted: [Double]
    let accuracy, balancedAccuracy: Double
    let matthews, kappa: Double?
    let confusionRates: [[Double?]]
    let logLoss, brier: Double
    let top: [Double]?
    let rocByClass, averagePrecisionByClass: [Double?]
    let roc, rocWeighted, averagePrecision, averagePrecisionWeighted: Double?
    let thresholds: [[Double?]]
    let ece: Double
    let binCounts: [Int]
    let binAccuracy, binConfidence: [Double]
    let temperature, eceScaled, logLossScaled: Double?
  }

  struct Regression: Decodable {
    let targets, estimates: [Double]
    let mse, rmse, mae, median, meanError: Double
    let r2, explained: Double?
  }

  private static func file() throws -> File {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(File.self, from: Data(contentsOf: Goldens.url("metrics.json", of: "TrainingTests")))
  }

  /// Both undefined, or equal to 1e-12.
  private func expect(
    _ value: Double?, _ golden: Double?, _ what: String, tolerance: Double = 1e-12,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    guard let value, let golden else {
      #expect(
        value == nil && golden == nil, "\(what): \(value as Any), not \(golden as Any)", sourceLocation: sourceLocation)
      return
    }
    #expect(
      abs(value - golden) <= tolerance * max(1, abs(golden)), "\(what): \(value), not \(golden)",
      sourceLocation: sourceLocation)
  }

  private func expect(
    _ values: [Double?], _ goldens: [Double?], _ what: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(values.count == goldens.count, "\(what)", sourceLocation: sourceLocation)
    for (index, pair) in zip(values, goldens).enumerated() {
      expect(pair.0, pair.1, "\(what) \(index)", sourceLocation: sourceLocation)
    }
  }

  private func metrics(_ golden: Classification) -> (ClassificationMetrics, ClassProbabilities) {
    var metrics = ClassificationMetrics(classes: (0..<golden.classes).map { "class \($0)" })
    var probabilities = ClassProbabilities(classes: golden.classes)
    for (row, label) in golden.labels.enumerated() {
      let own = Array(golden.probabilities[row * golden.classes..<(row + 1) * golden.classes])
      let predicted = own.firstIndex(of: own.max() ?? 0) ?? 0
      metrics.add(label: label, predicted: predicted, loss: 0)
      probabilities.add(own, label: label)
    }
    return (metrics, probabilities)
  }

  @Test func countsEqualThoseOfScikitLearn() throws {
    let cases = try Self.file().classification
    #expect(cases.count == 12)
    for (name, golden) in cases {
      let (metrics, _) = metrics(golden)
      expect(metrics.precision, golden.precision, "\(name): precision")
      expect(metrics.recall, golden.recall, "\(name): recall")
      expect(metrics.f1, golden.f1, "\(name): F1")
      #expect(metrics.support == golden.support, "\(name)")
      for (average, expected) in [(metrics.macroAverage, golden.macro), (metrics.weightedAverage, golden.weighted)] {
        let average = try #require(average)
        expect([average.precision, average.recall, average.f1], expected, "\(name): averages")
      }
      expect(metrics.accuracy, golden.accuracy, "\(name): accuracy")
      expect(metrics.balancedAccuracy, golden.balancedAccuracy, "\(name): balanced accuracy")
      expect(metrics.matthewsCorrelation, golden.matthews, "\(name): Matthews")
      expect(metrics.cohensKappa, golden.kappa, "\(name): kappa")
      for (rates, expected) in zip(metrics.confusionRates, golden.confusionRates) {
        expect(rates, expected, "\(name): rates")
      }
    }
  }

  @Test func probabilitiesEqualThoseOfScikitLearn() throws {
    for (name, golden) in try Self.file().classification {
      let (_, probabilities) = metrics(golden)
      expect(probabilities.logLoss, golden.logLoss, "\(name): log loss")
      expect(probabilities.brierScore, golden.brier, "\(name): Brier score")
      for (index, accuracy) in (golden.top ?? []).enumerated() {
        expect(probabilities.topAccuracy(index + 1), accuracy, "\(name): top \(index + 1)")
      }
      let areas = probabilities.areas()
      expect(areas.classes.map(\.roc), golden.rocByClass, "\(name): ROC area")
      expect(areas.classes.map(\.averagePrecision), golden.averagePrecisionByClass, "\(name): average precision")
      expect(areas.roc, golden.roc, "\(name): ROC area")
      expect(areas.weightedROC, golden.rocWeighted, "\(name): weighted ROC area")
      expect(areas.averagePrecision, golden.averagePrecision, "\(name): average precision")
      expect(
        areas.weightedAveragePrecision, golden.averagePrecisionWeighted, "\(name): weighted average precision")
      expect(areas.classes.map(\.threshold), golden.thresholds.map { $0[0] }, "\(name): threshold")
      expect(areas.classes.map(\.f1), golden.thresholds.map { $0[1] }, "\(name): F1 at the threshold")
    }
  }

  @Test func calibrationEqualsThatOfScikitLearn() throws {
    for (name, golden) in try Self.file().classification {
      let (_, probabilities) = metrics(golden)
      let reliability = probabilities.reliability
      expect(reliability.expectedCalibrationError, golden.ece, "\(name): calibration error")
      #expect(reliability.bins.map(\.count) == golden.binCounts, "\(name)")
      expect(reliability.bins.compactMap(\.accuracy), golden.binAccuracy, "\(name): accuracies")
      expect(reliability.bins.compactMap(\.meanConfidence), golden.binConfidence, "\(name): confidences")
      let scaling = probabilities.temperatureScaling().scaling
      expect(scaling?.temperature, golden.temperature, "\(name): temperature", tolerance: 1e-9)
      expect(scaling?.logLoss, golden.logLossScaled, "\(name): log loss at the temperature")
      if let temperature = golden.temperature {
        let losses = golden.labels.enumerated().map { row, label -> Double in
          let own = Array(golden.probabilities[row * golden.classes..<(row + 1) * golden.classes])
          let share = TemperatureScaling.scaled(own, temperature: temperature)[label]
          return -log(min(max(share, .ulpOfOne), 1 - .ulpOfOne))
        }
        let mean = losses.reduce(0, +) / Double(losses.count)
        expect(mean, golden.logLossScaled, "\(name): log loss of scaled probabilities", tolerance: 1e-9)
      }
      expect(
        scaling?.reliability.expectedCalibrationError, golden.eceScaled,
        "\(name): calibration error at the temperature",
        tolerance: 1e-9)
    }
  }

  @Test func numbersEqualThoseOfScikitLearn() throws {
    let cases = try Self.file().regression
    #expect(cases.count == 6)
    for (name, golden) in cases {
      var metrics = RegressionMetrics(keepsPairs: true)
      for (target, estimate) in zip(golden.targets, golden.estimates) {
        metrics.add(target: target, estimate: estimate)
      }
      expect(metrics.meanSquaredError, golden.mse, "\(name): mean squared error")
      expect(metrics.rootMeanSquaredError, golden.rmse, "\(name): root mean squared error")
      expect(metrics.meanAbsoluteError, golden.mae, "\(name): mean absolute error")
      expect(metrics.medianAbsoluteError, golden.median, "\(name): median absolute error")
      expect(metrics.meanError, golden.meanError, "\(name): mean error")
      expect(metrics.r2, golden.r2, "\(name): R²")
      expect(metrics.explainedVariance, golden.explained, "\(name): explained variance")
    }
  }

  @Test func whatIsUndefinedIsSaid() throws {
    let cases = try Self.file().classification
    func undefined(_ name: String) throws -> String {
      let (metrics, probabilities) = metrics(try #require(cases[name]))
      let scaling = probabilities.temperatureScaling()
      return (metrics.undefined + probabilities.undefined(metrics.classes, scaling)).joined(separator: "\n")
    }
    #expect(try undefined("five classes") == "")
    #expect(
      try undefined("absent classes") == """
        precision of 'class 1': never predicted (0 in averages)
        precision, recall and F1 of 'class 2', 'class 4': no examples, and never predicted (left out of averages)
        ROC area and average precision of 'class 2', 'class 4', and their macro averages: no examples
        temperature: the probabilities say nothing about the classes
        """)
    #expect(
      try undefined("one class, all right") == """
        precision, recall and F1 of 'class 1': no examples, and never predicted (left out of averages)
        Matthews correlation: all predictions are of one class
        Cohen's kappa: all examples and predictions are of one class
        ROC areas: all examples are of one class
        temperature: every prediction is right, so that none is too confident
        """)
    var mistaken = ClassificationMetrics(classes: ["a", "b"])
    mistaken.add(label: 0, predicted: 1, loss: 1)
    #expect(
      mistaken.undefined == [
        "precision of 'a': never predicted (0 in averages)", "recall of 'b': no examples (0 in averages)",
        "Matthews correlation: all predictions are of one class",
      ])
    #expect(ClassificationMetrics(classes: ["a"]).undefined == ["everything: there are no examples"])
  }

  /// Sums go on where there is too much to keep, and what cannot be had is nil.
  @Test func probabilitiesAreBounded() {
    var bounded = ClassProbabilities(classes: 2, keeping: 4)
    for _ in 0..<2 { bounded.add([0.25, 0.75], label: 1) }
    #expect(bounded.isComplete && bounded.curve(of: 1) != nil)
    for _ in 0..<3 { bounded.add([0.25, 0.75], label: 0) }
    #expect(!bounded.isComplete && bounded.curve(of: 1) == nil && bounded.temperatureScaling() == .incomplete)
    #expect(bounded.count == 5 && bounded.brierScore == (2 * 0.0625 + 3 * 0.5625) / 5)
    #expect(
      bounded.undefined(["a", "b"], .incomplete)
        == ["areas, thresholds and temperature: 5 examples of 2 classes are more than 4 probabilities"])
  }
}
