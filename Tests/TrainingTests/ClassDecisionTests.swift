import AviaryCheckpoints
import AviaryTensors
import AviaryTraining
import Foundation
import Testing

/// Which class is predicted: by the probabilities alone, and by thresholds.
@Suite struct ClassDecisionTests {
  private func decision(_ values: [Double]) throws -> ClassDecision {
    let text = "[\(values.map { "\($0)" }.joined(separator: ","))]"
    let json = #"{"values":\#(text),"criterion":"macro-f1","score":1,"plainScore":0.5}"#
    return ClassDecision(try JSONDecoder().decode(ClassThresholds.self, from: Data(json.utf8)))
  }

  @Test func theLargestMultipleOfItsThresholdIsPredicted() throws {
    let own = try decision([0.6, 0.3, 0.1])
    let shares: [Double] = [0.5, 0.35, 0.15]
    #expect(own.predicted(shares) == 2 && own.order(shares) == [2, 1, 0])
    #expect(own.predicted(shares.map { Float($0) }) == 2 && own.order(shares.map { Float($0) }) == [2, 1, 0])
    #expect(ClassDecision.mostProbable.order(shares) == [0, 1, 2])
    // Logits say the same, whichever number is added to them.
    let logits = Tensor(shares.map { Float(log($0)) + 7 } + [0, 0, 0], shape: [2, 3])
    #expect(own.predicted(logits: logits) == [2, 2] && ClassDecision.mostProbable.predicted(logits: logits) == [0, 0])
    // Of equal ones the first comes first, and thresholds of other classes are none.
    #expect(try decision([0.5, 0.5]).order([0.5, 0.5] as [Double]) == [0, 1])
    #expect(own.order([0.4, 0.6] as [Double]) == [1, 0] && own.order([Double]()) == [])
  }

  @Test func theOrderOfClassesMayBeAnother() throws {
    let own = try decision([0.6, 0.3, 0.1])
    let shares: [Double] = [0.5, 0.35, 0.15]
    let order = [2, 0, 1]
    let other = own.reordered(order)
    #expect(other.order(order.map { shares[$0] }).map { order[$0] } == own.order(shares))
    #expect(!other.agrees(with: own) && other.reordered([1, 2, 0]).agrees(with: own))
    #expect(ClassDecision.mostProbable.reordered(order) == .mostProbable)
  }

  @Test func whatAllMembersHaveHoldsForThemTogether() throws {
    let (own, other) = (try decision([0.7, 0.3]), try decision([0.55, 0.45]))
    func joint(_ rule: EnsembleRule, _ members: [ClassDecision], _ weights: [Double] = [0.5, 0.5]) -> ClassDecision {
      rule.decision(of: members, weights: weights)
    }
    for rule in [EnsembleRule.mean, .logits, .weighted] {
      #expect(joint(rule, [own, own]) == own && joint(rule, [own, other]) == .mostProbable)
      #expect(joint(rule, [own, .mostProbable]) == .mostProbable)
      #expect(joint(rule, [own, other], [1, 0]) == own && joint(rule, [own], [1]) == own)
    }
    // Votes are those that each casts by its own.
    #expect(joint(.vote, [own, own]) == .mostProbable)
    let answer = MemberAnswer(probabilities: [0.6, 0.4])
    let votes = EnsembleRule.vote.probabilities(
      [answer, answer, answer], weights: [0.25, 0.25, 0.5], decisions: [own, other, .mostProbable])
    #expect(votes == [0.75, 0.25])
  }

  @Test func scoresAreThoseOfTheDecision() throws {
    var metrics = ClassificationMetrics(classes: ["usual", "rare"], decision: try decision([0.7, 0.3]))
    metrics.add(probabilities: [0.6, 0.4], label: 1)
    metrics.add(probabilities: [0.9, 0.1], label: 1)
    #expect(metrics.confusion == [[0, 0], [1, 1]])
  }

  @Test func probabilitiesCountAmongTheMostProbable() {
    var metrics = ClassificationMetrics(classes: ["a", "b", "c"], topK: 2, decision: .mostProbable)
    #expect(metrics.topAccuracy == nil)
    metrics.add(probabilities: [0.5, 0.3, 0.2], label: 1)
    metrics.add(probabilities: [0.5, 0.3, 0.2], label: 2)
    metrics.add(probabilities: [0.1, 0.3, 0.6], label: 2)
    metrics.add(probabilities: [0.1, 0.3, 0.6], label: 1)
    #expect(metrics.topAccuracy == 0.75)
    // Nothing is known of the other classes of such an example.
    metrics.add(label: 0, predicted: 0, loss: 0)
    #expect(metrics.topAccuracy == 0.75)
  }

  @Test func aCheckpointHasItsOwn() {
    var metadata = Checkpoint.Metadata()
    #expect(metadata.decision == .mostProbable)
    metadata.classes = ["usual", "rare"]
    metadata.extra[ClassThresholds.key] =
      #"{"values":[0.7,0.3],"criterion":"macro-f1","score":1,"plainScore":0.5}"#
    #expect(metadata.decision.predicted([0.6, 0.4] as [Double]) == 1)
    // Those of other classes are not applied.
    metadata.classes = ["usual", "rare", "new"]
    #expect(metadata.decision == .mostProbable)
  }
}
