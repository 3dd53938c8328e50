// swift-format-ignore-file: AlwaysUseLowerCamelCase

import AviaryCheckpoints
import AviaryDatasets
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

/// What is done about rare classes and uncertain labels, against scikit-learn and NumPy.
@Suite struct ClassOptionsTests {
  struct Content: Decodable {
    struct Weights: Decodable { let counts: [Int], weights: [Double] }
    struct Thresholds: Decodable { let labels: [Int32], scores: [Double], best: [String: Double] }
    struct Rates: Decodable {
      let losses: [Double], smoothed: [Double], steepest: Double, tenth_of_least: Double
    }
    struct Doubts: Decodable {
      let labels: [Int], probabilities: [[Double]], suggested: [Int?], order: [Int]
    }
    let class_weights: [Weights], thresholds: [Thresholds], learning_rates: Rates, doubts: Doubts
  }

  let content: Content

  init() throws {
    content = try JSONDecoder().decode(
      Content.self, from: Data(contentsOf: Goldens.url("classes.json", of: "TrainingTests")))
  }

  private func classes(_ counts: [Int]) -> TrainingClasses {
    TrainingClasses(
      names: counts.indices.map { "c\($0)" },
      labels: counts.enumerated().flatMap { Array(repeating: Int32($0.offset), count: $0.element) })
  }

  private func options(_ change: (inout ClassOptions) -> Void = { _ in }) -> TrainingOptions {
    var options = TrainingOptions(epochs: 1, optimizer: OptimizerConfiguration(.sgd, learningRate: 0.1))
    change(&options.classes)
    return options
  }

  // MARK: Weights

  @Test func balancedWeightsAreScikitLearns() {
    for golden in content.class_weights {
      for (own, expected) in zip(classes(golden.counts).balancedWeights, golden.weights) {
        #expect(abs(own - expected) < 1e-12 * expected)
      }
    }
    #expect(classes([3, 0, 1]).balancedWeights == [4.0 / 6, 0, 2])
  }

  @Test func weightsOfAFileAreTakenByName() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("weights-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    func read(_ text: String) throws -> ClassOptions.Weights {
      try Data(text.utf8).write(to: URL(filePath: path))
      return try ClassOptions.Weights(file: path)
    }
    let expected = ClassOptions.Weights.given([.init("c1", 2), .init("c0", 0.5)])
    for text in [
      "class,weight\nc1,2\nc0,0.5\n", "c1, 2\r\n\"c0\",0.5", "\u{feff}c1,2\nc0,0.5", #"{"c1": 2, "c0": 0.5}"#,
    ] {
      #expect(try read(text) == expected, "\(text)")
    }
    let learned = try classes([1, 1]).weights(options { $0.weights = expected }.classes)
    #expect(learned == [0.5, 2])
    for text in ["", "class,weight", "c0,1\nc0,2", "c0,-1", "c0,nan", "c0,x\nc1,y", "{}", #"{"c0": "a"}"#, "c0,0", "{"]
    {
      #expect(throws: TrainingFault.self, "\(text)") { try read(text) }
    }
    for given in [[ClassOptions.ClassWeight("c0", 1)], [.init("c0", 1), .init("c1", 1), .init("c2", 1)]] {
      #expect(throws: TrainingFault.self) {
        try classes([1, 1]).weights(options { $0.weights = .given(given) }.classes)
      }
    }
  }

  // MARK: Samplers

  @Test func samplersDrawWhatTheySay() {
    let labels = classes([90, 9, 1]).labels
    func counts(_ sampler: Sampler, _ epochs: Int) -> (classes: [Int], items: [Int]) {
      var (classes, items) = (Array(repeating: 0, count: 3), Array(repeating: 0, count: labels.count))
      for epoch in 0..<epochs {
        let order = sampler.order(of: labels, seed: 4, purpose: "order", epoch: epoch)
        #expect(order.count == labels.count)
        for place in order {
          classes[Int(labels[place])] += 1
          items[place] += 1
        }
      }
      return (classes, items)
    }
    #expect(counts(.uniform, 2).items.allSatisfy { $0 == 2 })
    // A binomial's deviation is 0.47 of the root of the number of draws.
    let balanced = counts(.balanced, 300)
    for count in balanced.classes { #expect(abs(Double(count) - 10_000) < 5 * 0.47 * 30_000.0.squareRoot()) }
    for item in balanced.items[90..<99] { #expect(abs(Double(item) - 1111) < 5 * 33) }
    for epoch in 0..<3 {
      let order = Sampler.classAware.order(of: labels, seed: 4, purpose: "order", epoch: epoch)
      let drawn = (0..<3).map { label in order.filter { labels[$0] == label } }
      #expect(drawn.allSatisfy { (33...34).contains($0.count) })
      #expect(Set(drawn[0]).count == drawn[0].count, "none comes again before all have come")
      let rounds = Dictionary(grouping: drawn[1]) { $0 }.values.map(\.count)
      #expect(rounds.count == 9 && rounds.allSatisfy { (3...4).contains($0) })
    }
    let orders = (0..<2).map { Sampler.balanced.order(of: labels, seed: 4, purpose: "order", epoch: $0) }
    #expect(orders[0] != orders[1])
    #expect(orders[0] == Sampler.balanced.order(of: labels, seed: 4, purpose: "order", epoch: 0))
    #expect(Sampler.balanced.order(of: [], seed: 0, purpose: "", epoch: 0).isEmpty)
  }

  // MARK: Learning

  @Test func theLossIsWhatTheOptionsSay() throws {
    let logits = Tensor([1, -0.5, 0.25, 2, 0, -1], shape: [2, 3])
    let labels = IntTensor([2, 0])
    let classes = classes([50, 40, 10])
    func loss(_ loss: TrainingLoss? = nil, _ change: @escaping (inout ClassOptions) -> Void = { _ in }) throws -> Float
    {
      var options = options(change)
      options.loss = loss
      return try ClassLearning(options, classes).loss(logits, labels: labels).scalar
    }
    #expect(try loss() == crossEntropy(logits, labels: labels).scalar)
    let weights = Tensor(classes.balancedWeights.map { Float($0) }, shape: [3])
    #expect(
      try loss { $0.weights = .balanced }
        == crossEntropy(logits, labels: labels, labelSmoothing: 0, classWeights: weights).scalar)
    #expect(try loss(.focal) == focalLoss(logits, labels: labels, gamma: 2).scalar)
    #expect(
      try loss(.focal) {
        $0.focalGamma = 1
        $0.labelSmoothing = 0.1
      } == focalLoss(logits, labels: labels, gamma: 1, labelSmoothing: 0.1).scalar)
    let shares = Tensor([0.5, 0.4, 0.1], shape: [3])
    #expect(
      abs(try loss { $0.logitAdjustment = 2 } - crossEntropy(logits + log(shares) * 2, labels: labels).scalar) < 1e-6)
    let mixed = Tensor([0.5, 0.5, 0, 0, 0.25, 0.75], shape: [2, 3])
    var focal = options()
    focal.loss = .focal
    #expect(
      try ClassLearning(focal, classes).loss(logits, target: mixed).scalar == focalLoss(logits, target: mixed).scalar)
  }

  @Test func rareClassesAreSaid() {
    #expect(classes([100, 100, 5]).rare == [2])
    #expect(classes([500, 400, 20]).rare == [2], "less than a tenth of an equal share")
    #expect(classes([4, 4, 5]).rare.isEmpty, "all are few")
    #expect(classes([4, 8]).rare == [0])
    #expect(classes([60, 40]).rare.isEmpty)
    let remark = classes([100, 100, 5]).remarkOnRare(options(), items: "images")
    #expect(remark?.contains("'c2' (5)") == true && remark?.contains("--class-weights balanced") == true)
    #expect(classes([100, 100, 5]).remarkOnRare(options { $0.sampler = .balanced }, items: "images") == nil)
  }

  // MARK: Thresholds

  @Test(arguments: [Monitor.macroF1, .balancedAccuracy, .accuracy]) func thresholdsOfTwoClassesAreTheBest(
    criterion: Monitor
  ) throws {
    for golden in content.thresholds {
      let shares = golden.scores.flatMap { [1 - $0, $0] }
      let found = try #require(
        ClassThresholds(choosingBy: criterion, shares, labels: golden.labels, classes: 2))
      #expect(abs(found.score - golden.best[criterion.rawValue]!) < 1e-9, "\(criterion)")
      #expect(found.score >= found.plainScore)
      var tally = ClassTally()
      for (score, label) in zip(golden.scores, golden.labels) {
        tally.add(label: Int(label), predicted: found.predicted([1 - score, score]))
      }
      #expect(abs(tally.score(criterion)! - found.score) < 1e-12, "what is chosen is what is applied")
      #expect(abs(found.values.reduce(0, +) - 1) < 1e-12)
    }
  }

  @Test func thresholdsOfManyClassesNeverLose() throws {
    var numbers = TestNumbers(seed: 5)
    let (count, classes) = (60, 4)
    let labels = (0..<count).map { Int32($0 % 10 < 7 ? 0 : $0 % classes) }
    var shares: [Double] = []
    for label in labels {
      let logits = (0..<classes).map { Double(numbers.floats(1)[0]) + ($0 == 0 ? 1 : 0) + ($0 == Int(label) ? 0.6 : 0) }
      let powers = logits.map(exponential)
      shares += powers.map { $0 / powers.reduce(0, +) }
    }
    for criterion in [Monitor.macroF1, .balancedAccuracy, .matthewsCorrelation] {
      let found = try #require(ClassThresholds(choosingBy: criterion, shares, labels: labels, classes: classes))
      #expect(found.score > found.plainScore, "\(criterion)")
      #expect(found.values.allSatisfy { $0 > 0 && $0 < 1 })
    }
    #expect(ClassThresholds(choosingBy: .loss, shares, labels: labels, classes: classes) == nil)
    #expect(ClassThresholds(choosingBy: .accuracy, [], labels: [], classes: 2) == nil)
    let data = try JSONEncoder().encode(ClassThresholds(choosingBy: .accuracy, [0.4, 0.6], labels: [0], classes: 2))
    #expect(try JSONDecoder().decode(ClassThresholds?.self, from: data)?.predicted([0.4, 0.6]) == 0)
  }

  // MARK: Doubtful labels, and learning rates

  @Test func doubtfulLabelsAreConfidentLearnings() throws {
    let golden = content.doubts
    let problems = LabelProblems(
      classes: ["a", "b,c", "d"],
      golden.labels.indices.map { place in
        let shares = golden.probabilities[place]
        return ("item \(place)", golden.labels[place], ClassDecision.mostProbable.predicted(shares), shares)
      })
    #expect(problems.items.map(\.name) == golden.order.map { "item \($0)" })
    for (place, item) in zip(golden.order, problems.items) { #expect(item.suggested == golden.suggested[place]) }
    #expect(problems.count == golden.suggested.count { $0 != nil } && problems.count >= 4)
    let lines = problems.csv.split(separator: "\n")
    #expect(lines[0] == "item,label,predicted,label_probability,predicted_probability,loss,suggested")
    #expect(lines.count == 41 && lines[1].hasPrefix("item \(golden.order[0]),"))
    #expect(
      lines.dropFirst().allSatisfy {
        $0.hasSuffix(",") || $0.contains(",a") || $0.contains("d") || $0.hasSuffix("\"b,c\"")
      })
  }

  /// What `predict` writes says nothing of what is true.
  @Test(arguments: [
    "table,row,class,probability,class_2,probability_2\nf.csv,2,rose,0.6,iris,0.4\n",
    "image,class,probability\na.jpg,cat,0.9\n", "table,row,value\nf.csv,2,1.5\n",
  ]) func predictionsWithoutTheTruthAreTold(text: String) throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("predicted-\(UUID()).csv").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(text.utf8).write(to: URL(filePath: path))
    #expect(throws: TableFault.noTruth(path: path)) { try PredictionFile(reading: path) }
  }

  @Test func predictionsOfFoldsAreRead() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("folds-\(UUID()).csv").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    func read(_ text: String) throws -> PredictionFile {
      try Data(text.utf8).write(to: URL(filePath: path))
      return try PredictionFile(reading: path)
    }
    let file = try read(
      "item,fold,true,predicted,probability_a,\"probability_b,c\"\nx.jpg,1,\"b,c\",a,0.75,0.25\ny.jpg,2,a,a,1.0,0\n")
    #expect(file.classes == ["a", "b,c"] && file.predictions.map(\.name) == ["x.jpg", "y.jpg"])
    #expect(file.metrics.confusion == [[1, 0], [1, 0]] && file.metrics.probabilities?.count == 2)
    // What was predicted counts, whichever class is the most probable one.
    let chosen = try read("item,true,predicted,probability_a,probability_b\nx,b,b,0.75,0.25\ny,a,a,0.6,0.4\n")
    #expect(chosen.metrics.accuracy == 1 && chosen.predictions.map(\.predicted) == [1, 0])
    #expect(LabelProblems(classes: chosen.classes, chosen.predictions).items.map(\.predicted) == [1, 0])
    let plain = try read("item,true,probability_a,probability_b\nx,b,0.75,0.25\n")
    #expect(plain.predictions[0].predicted == 0)
    for text in [
      "", "item,true,probability_a,probability_b\n", "item,true,probability_a\nx,a,1\n",
      "true,probability_a,probability_b\na,1,0\n",
      "item,true,predicted,probability_a,probability_b\nx,a,c,1,0\n",
      "item,true,probability_a,probability_b\nx,c,1,0\n", "item,true,probability_a,probability_b\nx,a,2,0\n",
      "item,true,probability_a,probability_b\nx,a,nan,0\n", "item,true,probability_a,probability_b\nx,a,1\n",
    ] { #expect(throws: (any Error).self, "\(text)") { try read(text) } }
  }

  @Test func estimatesOfFoldsAreRead() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("estimates-\(UUID()).csv").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    func read(_ text: String) throws -> RegressionMetrics? {
      try Data(text.utf8).write(to: URL(filePath: path))
      return try RegressionMetrics(reading: path)
    }
    let metrics = try #require(try read("item,fold,true,predicted\n4,1,-0.5,0.5\n20,1,2,5\n7,2,6,6\n"))
    #expect(metrics.count == 3 && metrics.meanSquaredError == 10.0 / 3 && metrics.medianAbsoluteError == 1)
    for classes in [
      "item,true,predicted,probability_a,probability_b\nx,a,b,0.4,0.6\n", "item,true,predicted\nx,a,b\n",
      "item,true\nx,1\n",
    ] { #expect(try read(classes) == nil, "\(classes)") }
    for text in [
      "", "item,true,predicted\n", "item,true,predicted\nx,1,2\ny,1\n", "item,true,predicted\nx,1,2\ny,a,2\n",
    ] {
      #expect(throws: (any Error).self, "\(text)") { try read(text) }
    }
  }

  @Test func learningRatesAreSuggestedAsFastaiDoes() throws {
    let golden = content.learning_rates
    var test = try LearningRateRange()
    for loss in golden.losses where !test.add(loss) { break }
    #expect(test.points.count == golden.smoothed.count)
    for (point, expected) in zip(test.points, golden.smoothed) { #expect(abs(point.smoothed - expected) < 1e-9) }
    #expect(abs(try #require(test.steepest) / golden.steepest - 1) < 1e-9)
    #expect(abs(try #require(test.tenthOfLeast) / golden.tenth_of_least - 1) < 1e-9)
    var broken = try LearningRateRange()
    #expect(!broken.add(.nan) && broken.steepest == nil && broken.tenthOfLeast == nil)
    #expect(throws: TrainingFault.self) { try LearningRateRange(1...1) }
    #expect(throws: TrainingFault.self) { try LearningRateRange(steps: 1) }
  }
}
