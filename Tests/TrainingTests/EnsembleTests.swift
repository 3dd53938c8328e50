// swift-format-ignore-file: AlwaysUseLowerCamelCase

import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import Foundation
import Testing

@testable import AviaryTraining

@Suite struct EnsembleTests {
  private struct Golden: Decodable {
    struct Means: Decodable { let values: [Double], deviation: Double, interval, corrected: [Double] }
    struct Fit: Decodable {
      let own: [[Double]], log_loss: Double, weights: [Double]
      let errors: [[Double]], squared: Double, square_weights: [Double]
    }
    let wilson, student, normal: [[Double]]
    let mean_scores: [Means]
    let probabilities: [[[Double]]]
    let shares: [Double], labels: [Int]
    let mean: [[Double]], mean_log_loss: Double, logits: [[Double]]
    let votes, weighted_votes, soft: [Int]
    let fits: [Fit]
  }

  private let golden: Golden

  init() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens/ensembles.json")
    golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: path))
  }

  private func near(_ a: Double, _ b: Double, _ tolerance: Double = 1e-12) -> Bool {
    abs(a - b) <= tolerance * max(1, abs(b))
  }

  /// A share of right answers is never above 1, whatever Student says.
  @Test func intervalsStayWithinTheirScore() throws {
    let values = [0.775, 0.95, 0.9]
    let (free, bound) = (
      try #require(MeanScore(values, heldOut: 0.5)), try #require(MeanScore(values, heldOut: 0.5, bounds: 0...1))
    )
    #expect(free.interval.upper > 1.09 && bound.interval == ScoreInterval(lower: free.interval.lower, upper: 1))
    #expect(bound.correctedInterval?.upper == 1 && bound.mean == free.mean && bound.deviation == free.deviation)
    for monitor in Monitor.allCases where monitor.countsClasses { #expect(monitor.bounds.upperBound == 1) }
  }

  @Test func intervalsAreSciPys() throws {
    for row in golden.wilson {
      let found = try #require(ScoreInterval.wilson(correct: Int(row[0]), of: Int(row[1]), confidence: row[2]))
      #expect(near(found.lower, row[3]) && near(found.upper, row[4]), "\(row) \(found)")
    }
    for row in golden.student { #expect(near(studentQuantile(row[0], freedom: row[1]), row[2], 1e-9), "\(row)") }
    for row in golden.normal { #expect(near(normalQuantile(row[0]), row[1]), "\(row)") }
    for means in golden.mean_scores {
      let found = try #require(MeanScore(means.values, heldOut: 0.25))
      #expect(near(found.deviation, means.deviation))
      #expect(near(found.interval.lower, means.interval[0]) && near(found.interval.upper, means.interval[1]))
      let corrected = try #require(found.correctedInterval)
      #expect(near(corrected.lower, means.corrected[0]) && near(corrected.upper, means.corrected[1]))
    }
    #expect(MeanScore([1]) == nil && ScoreInterval.wilson(correct: 0, of: 0) == nil)
  }

  @Test func answersAreJoinedAsScikitLearnDoes() throws {
    let members = golden.probabilities.map { $0.map { MemberAnswer(probabilities: $0) } }
    let equal = EnsembleWeights(count: 4).values
    let given = try #require(EnsembleWeights(golden.shares)).values
    var metrics = ClassificationMetrics(classes: ["a", "b", "c"], keepsProbabilities: true, decision: .mostProbable)
    let decisions = Array(repeating: ClassDecision.mostProbable, count: 4)
    for item in 0..<30 {
      let answers = members.map { $0[item] }
      func joint(_ rule: EnsembleRule, _ weights: [Double]) -> [Double] {
        rule.probabilities(answers, weights: weights, decisions: decisions)
      }
      let mean = joint(.mean, equal)
      #expect(zip(mean, golden.mean[item]).allSatisfy { near($0, $1) })
      metrics.add(probabilities: mean, label: golden.labels[item])
      let logits = joint(.logits, given)
      #expect(zip(logits, golden.logits[item]).allSatisfy { near($0, $1) })
      let votes = joint(.vote, equal)
      #expect(EnsembleRule.first(votes) == golden.votes[item])
      #expect(EnsembleRule.first(joint(.vote, given)) == golden.weighted_votes[item])
      #expect(EnsembleRule.first(joint(.weighted, given)) == golden.soft[item])
    }
    #expect(near(try #require(metrics.meanLoss), golden.mean_log_loss))
    #expect(near(try #require(metrics.probabilities?.logLoss), golden.mean_log_loss))
  }

  @Test func weightsAreTheBestOfTheSimplex() {
    for fit in golden.fits {
      let weights = EnsembleWeights(leastLogLoss: fit.own).values
      let loss = fit.own.reduce(0) { $0 - log(zip($1, weights).reduce(0) { $0 + $1.0 * $1.1 }) } / Double(fit.own.count)
      #expect(loss <= fit.log_loss + 1e-9, "\(loss), \(fit.log_loss)")
      #expect(zip(weights, fit.weights).allSatisfy { abs($0 - $1) < 2e-4 }, "\(weights), \(fit.weights)")
      let squares = EnsembleWeights(leastSquares: fit.errors).values
      let least =
        fit.errors.reduce(0) {
          let error = zip($1, squares).reduce(0) { $0 + $1.0 * $1.1 }
          return $0 + error * error
        } / Double(fit.errors.count)
      #expect(least <= fit.squared + 1e-9)
      #expect(zip(squares, fit.square_weights).allSatisfy { abs($0 - $1) < 2e-4 }, "\(squares), \(fit.square_weights)")
      for found in [weights, squares] { #expect(near(found.reduce(0, +), 1) && found.allSatisfy { $0 >= 0 }) }
    }
    // One that is right alone gets everything; equal ones share; a certain mistake is not the end.
    #expect(EnsembleWeights(leastLogLoss: [[0.9, 0.1], [0.8, 0.2]]).values == [1, 0])
    let twins = EnsembleWeights(leastLogLoss: [[0.5, 0.5], [0.7, 0.7]]).values
    #expect(near(twins[0], 0.5, 1e-6))
    #expect(EnsembleWeights(leastLogLoss: [[0, 1], [1, 0]]).values.allSatisfy { near($0, 0.5, 1e-6) })
    #expect(EnsembleWeights([0, 0]) == nil && EnsembleWeights([-1, 2]) == nil && EnsembleWeights([.nan, 1]) == nil)
    #expect(EnsembleWeights([1, 3])?.values == [0.25, 0.75])
  }

  // MARK: Images

  private func predictor(
    _ architecture: String, seed: UInt64, classes: [String], preprocessing: Preprocessing, order: [Int] = [0, 1],
    thresholds: [Double]? = nil
  ) throws -> ImagePredictor {
    let model = try Registry.zoo.architecture(named: architecture).build().replacingHead(outputs: 2, seed: seed)
    model.initialize(seed: seed)
    var checkpoint = model.checkpoint(architecture: architecture)
    if order != [0, 1] {
      for entry in checkpoint.entries where entry.path.hasPrefix(model.headPath) && entry.array.shape.first == 2 {
        let values = try #require(entry.array.tensor()).rows(order)
        checkpoint.set(StoredArray(values.scalars, shape: values.shape), at: entry.path)
      }
    }
    checkpoint.metadata.classes = classes
    checkpoint.metadata.preprocessing = try InputPreparation.images(preprocessing).json()
    if let thresholds {
      checkpoint.metadata.extra[ClassThresholds.key] =
        #"{"values":\#(thresholds),"criterion":"macro-f1","score":1,"plainScore":0.5}"#
    }
    return try ImagePredictor(checkpoint, registry: .zoo, path: architecture)
  }

  @Test func membersMayDifferInAllButTheirClasses() throws {
    let photographs = try Photographs()
    let entries = Array(try photographs.training().entries.prefix(5))
    let plain = Preprocessing.torchvision(size: 32)
    let first = try predictor("resnet-toy", seed: 1, classes: ["cat", "dog"], preprocessing: plain)
    let second = try predictor(
      "squeezenet-toy", seed: 2, classes: ["cat", "dog"], preprocessing: .torchvision(size: 64))
    let swapped = try predictor(
      "resnet-toy", seed: 1, classes: ["dog", "cat"], preprocessing: plain, order: [1, 0])
    let ensemble = try ImageEnsemble([("a", first), ("b", second), ("c", swapped)])
    #expect(
      ensemble.alignment.remarks(ensemble.paths) == [
        "c: its classes are in another order; they are matched by their names"
      ])
    var answers: [[MemberAnswer]] = []
    let bad = [ImageEntry(path: "/nowhere.jpg", label: 0)]
    let skipped = try ensemble.forEachImage(entries + bad, workers: 1) { index, found in
      #expect(index == answers.count)
      answers.append(found)
    }
    #expect(answers.count == 5 && skipped.map(\.index) == [5])
    for (entry, found) in zip(entries, answers) {
      for (member, answer) in zip([first, second], found) {
        let alone = try member.predict(file: entry.path)
        for name in alone {
          let place = try #require(["cat", "dog"].firstIndex(of: name.name))
          #expect(near(answer.probabilities[place], Double(name.probability), 1e-5))
        }
      }
      #expect(zip(found[0].probabilities, found[2].probabilities).allSatisfy { near($0, $1, 1e-5) })
    }
    let joint = try ensemble.predict(
      entries, rule: .mean, weights: EnsembleWeights(count: 3), workers: 1)
    let best = try #require(try joint[0].get().first)
    let mean = (0..<3).reduce(0) { $0 + answers[0][$1].probabilities[best.name == "cat" ? 0 : 1] } / 3
    #expect(near(Double(best.probability), mean, 1e-6) && best.probability >= 0.5)
  }

  @Test func thresholdsThatAllMembersHaveHold() throws {
    let photographs = try Photographs()
    let entries = Array(try photographs.training().entries.prefix(3))
    let plain = Preprocessing.torchvision(size: 32)
    let alone = try predictor("resnet-toy", seed: 1, classes: ["cat", "dog"], preprocessing: plain)
    for entry in entries {
      let likeliest = try #require(try alone.predict(file: entry.path).first?.name)
      let other = likeliest == "cat" ? "dog" : "cat"
      // The other class is predicted, as long as it has a millionth.
      let values = other == "dog" ? [0.999999, 0.000001] : [0.000001, 0.999999]
      let first = try predictor(
        "resnet-toy", seed: 1, classes: ["cat", "dog"], preprocessing: plain, thresholds: values)
      let swapped = try predictor(
        "resnet-toy", seed: 1, classes: ["dog", "cat"], preprocessing: plain, order: [1, 0],
        thresholds: values.reversed())
      #expect(try first.predict(file: entry.path).first?.name == other)
      func joint(_ members: [ImagePredictor], _ rule: EnsembleRule = .mean, flipped: Bool = false) throws -> String? {
        var ensemble = try ImageEnsemble(members.enumerated().map { ("\($0)", $1) })
        if flipped { ensemble.views = .flip }
        return try ensemble.predict(
          [entry], rule: rule, weights: EnsembleWeights(count: members.count), workers: 1)[0].get().first?.name
      }
      #expect(try joint([first], flipped: true) == other && joint([first, swapped]) == other)
      #expect(try joint([first, alone]) == likeliest && joint([first, swapped, alone], .vote) == other)
    }
  }

  @Test func otherClassesAreRefused() throws {
    func align(_ second: [String], named: Bool = true) throws(EnsembleFault) {
      _ = try ClassAlignment([
        (path: "a", classes: ["x", "y"], isNamed: true), (path: "b", classes: second, isNamed: named),
      ])
    }
    #expect(throws: EnsembleFault.otherClasses(path: "b", name: "y", isMissing: true, first: "a")) {
      try align(["x", "z"])
    }
    #expect(throws: EnsembleFault.otherClasses(path: "b", name: "z", isMissing: false, first: "a")) {
      try align(["x", "y", "z"])
    }
    #expect(throws: EnsembleFault.unnamedClasses(path: "b", first: "a")) { try align(["x", "y"], named: false) }
    #expect(throws: EnsembleFault.sameClass(path: "b", name: "x")) { try align(["x", "x"]) }
  }

  @Test func viewsOfAnImageAreAveraged() throws {
    let photographs = try Photographs()
    let entries = Array(try photographs.training().entries.prefix(3))
    let member = try predictor("resnet-toy", seed: 1, classes: ["cat", "dog"], preprocessing: .torchvision(size: 32))
    var ensemble = try ImageEnsemble([("a", member)])
    ensemble.views = .flip
    var flipped: [MemberAnswer] = []
    _ = try ensemble.forEachImage(entries, workers: 1) { flipped.append($1[0]) }
    for (entry, answer) in zip(entries, flipped) {
      let picture = try DecodedImage(contentsOf: entry.path)
      let x = member.preprocessing.tensor(of: [member.preprocessing.sized(picture)])
      let both = [x, x.reversed(axis: 3)].map { MemberAnswer(logits: member.logits($0).scalars) }
      let mean = (both[0].probabilities[0] + both[1].probabilities[0]) / 2
      #expect(near(answer.probabilities[0], mean, 1e-5) && both[0] != both[1])
      #expect(near(answer.logits[0], (both[0].logits[0] + both[1].logits[0]) / 2, 1e-5))
    }
    ensemble.views = .random(4)
    var (once, again): ([MemberAnswer], [MemberAnswer]) = ([], [])
    _ = try ensemble.forEachImage(entries, workers: 1) { once.append($1[0]) }
    _ = try ensemble.forEachImage(entries, workers: 2) { again.append($1[0]) }
    #expect(once == again && once != flipped)
  }
}

extension Tensor {
  /// The rows in another order.
  fileprivate func rows(_ order: [Int]) -> Tensor {
    let width = scalars.count / shape[0]
    return Tensor(order.flatMap { scalars[$0 * width..<($0 + 1) * width] }, shape: shape)
  }
}
