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
    #expect(metrics.precision == [nil, 1, 2.0 / 3])
    #expect(metrics.recall == [nil, 2.0 / 3, 1])
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

  @Test func accuracyComesBeforeLoss() {
    #expect(Scores(loss: 2, accuracy: 0.9).isBetter(than: Scores(loss: 1, accuracy: 0.8)))
    #expect(Scores(loss: 1, accuracy: 0.8).isBetter(than: Scores(loss: 2, accuracy: 0.8)))
    #expect(!Scores(loss: 1, accuracy: 0.8).isBetter(than: Scores(loss: 1, accuracy: 0.8)))
    #expect(Scores(loss: 1).isBetter(than: Scores(loss: 2)))
  }
}
