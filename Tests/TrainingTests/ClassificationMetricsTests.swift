import AviaryTraining
import Foundation
import Testing

@Suite struct ClassificationMetricsTests {
  func example() -> ClassificationMetrics {
    var metrics = ClassificationMetrics(classes: ["bird", "cat", "dog"])
    for (label, predicted, loss) in [(1, 1, 0.25), (1, 2, 1.25), (2, 2, 0.5), (2, 2, 0), (1, 1, 0.5)] {
      metrics.add(label: label, predicted: predicted, loss: loss)
    }
    return metrics
  }

  @Test func countsByHand() throws {
    let metrics = example()
    #expect(metrics.confusion == [[0, 0, 0], [0, 2, 1], [0, 0, 2]])
    #expect(metrics.accuracy == 0.8)
    #expect(metrics.meanLoss == 0.5)
    let twoThirds: Double = 2 / 3
    #expect(metrics.precision == [nil, 1, twoThirds])
    #expect(metrics.recall == [nil, twoThirds, 1])
    #expect(metrics.scores?.loss == 0.5 && metrics.scores?.accuracy == 0.8)
    // scikit-learn's f1_score(average="macro") and balanced_accuracy_score.
    #expect(metrics.macroF1 == 0.8)
    #expect(metrics.scores?.macroF1 == 0.8)
    let recall: Double = 5.0 / 6
    #expect(abs(try #require(metrics.balancedAccuracy) - recall) < 1e-15)
    #expect(metrics.scores?.balancedAccuracy == metrics.balancedAccuracy)
  }

  /// A class that was predicted without being there counts for F1 and not for recall, one that is neither for nothing.
  @Test func classesThatAreAbsentAreLeftOut() throws {
    var metrics = ClassificationMetrics(classes: ["a", "b", "c", "d"])
    for (label, predicted) in [(0, 0), (0, 0), (0, 1), (2, 2), (2, 0)] {
      metrics.add(label: label, predicted: predicted, loss: 1)
    }
    let f1 = try #require(metrics.macroF1)
    let expected: Double = 4.0 / 9
    #expect(abs(f1 - expected) < 1e-15)
    let recall: Double = 3.5 / 6
    #expect(abs(try #require(metrics.balancedAccuracy) - recall) < 1e-15)
  }

  @Test func nothingIsNotANumber() {
    let metrics = ClassificationMetrics(classes: ["a", "b"])
    #expect(metrics.accuracy == nil && metrics.meanLoss == nil && metrics.scores == nil)
    #expect(metrics.recall == [nil, nil] && metrics.macroF1 == nil && metrics.balancedAccuracy == nil)
  }

  @Test func jsonHoldsNullsAndNoNaN() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(
      String(decoding: try encoder.encode(example()), as: UTF8.self).hasPrefix(
        #"{"accuracy":0.8,"classes":["bird","cat","dog"],"confusion":[[0,0,0],[0,2,1],[0,0,2]],"images":5,"loss":0.5,"#
          + #""precision":[null,1,0.666"#))
    var hopeless = ClassificationMetrics(classes: ["a", "b"])
    hopeless.add(label: 0, predicted: 1, loss: .nan)
    #expect(
      String(decoding: try encoder.encode(hopeless), as: UTF8.self)
        == #"{"accuracy":0,"classes":["a","b"],"confusion":[[0,1],[0,0]],"images":1,"loss":null,"#
        + #""precision":[null,0],"recall":[0,null]}"#)
  }

  /// What is kept grows with the pairs that were met, not with all there could be: 80 GB for these classes.
  @Test func manyClassesTakeNoMatrix() throws {
    var metrics = ClassificationMetrics(classes: (0..<100_000).map { "\($0)" })
    for (label, predicted) in [(99_999, 0), (3, 3), (99_999, 99_999), (3, 3), (5, 99_999), (99_999, 0)] {
      metrics.add(label: label, predicted: predicted, loss: 1)
    }
    #expect(
      metrics.confusedPairs == [
        .init(label: 3, predicted: 3, count: 2), .init(label: 5, predicted: 99_999, count: 1),
        .init(label: 99_999, predicted: 0, count: 2), .init(label: 99_999, predicted: 99_999, count: 1),
      ])
    #expect(metrics.correct == 3 && metrics.recall[99_999] == 1.0 / 3 && metrics.precision[99_999] == 0.5)
    #expect(metrics.precision[0] == 0 && metrics.recall[0] == nil && metrics.f1[1] == nil)
    #expect(metrics.support[99_999] == 3 && metrics.predictions[0] == 2)
    let text = String(decoding: try JSONEncoder().encode(metrics), as: UTF8.self)
    #expect(text.contains(#""confusion":null"#) && text.count < 5_000_000)
    #expect(text.contains("[[3,3,2],[5,99999,1],[99999,0,2],[99999,99999,1]]"))
  }

  @Test func pairsAreTheMatrix() {
    let metrics = example()
    for pair in metrics.confusedPairs { #expect(metrics.confusion[pair.label][pair.predicted] == pair.count) }
    #expect(metrics.confusedPairs.count == 3)
  }

  @Test func accuracyComesBeforeLoss() {
    #expect(Scores(loss: 2, accuracy: 0.9).isBetter(than: Scores(loss: 1, accuracy: 0.8)))
    #expect(Scores(loss: 1, accuracy: 0.8).isBetter(than: Scores(loss: 2, accuracy: 0.8)))
    #expect(!Scores(loss: 1, accuracy: 0.8).isBetter(than: Scores(loss: 1, accuracy: 0.8)))
    #expect(Scores(loss: 1).isBetter(than: Scores(loss: 2)))
  }
}
