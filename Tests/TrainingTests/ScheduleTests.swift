import Foundation
import Testing

@testable import AviaryTraining

@Suite struct ScheduleTests {
  func rates(_ schedule: Schedule, epochs: Int = 4, stepsPerEpoch: Int = 5) -> [Double] {
    (0..<epochs * stepsPerEpoch).map {
      schedule.learningRate(base: 0.1, step: $0, stepsPerEpoch: stepsPerEpoch, epochs: epochs)
    }
  }

  func expect(_ rates: [Double], _ expected: [Double], sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(rates.count == expected.count, sourceLocation: sourceLocation)
    for (index, (rate, value)) in zip(rates, expected).enumerated() {
      #expect(abs(rate - value) < 1e-15, "step \(index)", sourceLocation: sourceLocation)
    }
  }

  @Test func constant() {
    expect(rates(.constant), Array(repeating: 0.1, count: 20))
  }

  @Test func stepFallsEveryFewEpochs() {
    let expected = Array(repeating: 0.1, count: 10) + Array(repeating: 0.05, count: 10)
    expect(rates(.step(every: 2, gamma: 0.5)), expected)
  }

  @Test func exponentialFallsEveryEpoch() {
    let expected = [0.1, 0.09, 0.081, 0.0729].flatMap { Array(repeating: $0, count: 5) }
    expect(rates(.exponential(gamma: 0.9)), expected)
  }

  @Test func cosineFallsEveryStep() {
    // torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4, eta_min=0.02) from 0.1, stepped a batch.
    expect(
      rates(.cosine(to: 0.02), epochs: 2, stepsPerEpoch: 2),
      [0.1, 0.08828427124746191, 0.06, 0.03171572875253809])
    let whole = rates(.cosine())
    #expect(zip(whole, whole.dropFirst()).allSatisfy { $0 > $1 })
  }

  @Test func warmUpClimbsInALine() {
    expect(Array(rates(.constant.warmedUp(over: 4)).prefix(6)), [0.025, 0.05, 0.075, 0.1, 0.1, 0.1])
    let cosine = rates(.cosine().warmedUp(over: 4))
    #expect(cosine[3] == 0.1 && cosine[4] == 0.1)
    #expect(cosine[12] - 0.05 < 1e-15, "half way through the 16 steps that are left")
  }

  @Test func aWarmUpLongerThanTheRunIsSaid() {
    let schedule = Schedule.cosine().warmedUp(over: 100)
    #expect(
      schedule.remarkOnWarmUp(steps: 20, learningRate: 0.01)
        == "the warm-up takes 100 steps and the run has 20: its learning rate does not exceed 0.002 of 0.01")
    #expect(schedule.learningRate(base: 0.01, step: 19, stepsPerEpoch: 20, epochs: 1) == 0.002)
    #expect(schedule.remarkOnWarmUp(steps: 100, learningRate: 0.01) == nil)
  }

  @Test func stepsBeyondTheRunKeepTheLastRate() {
    #expect(Schedule.cosine(to: 0.01).learningRate(base: 0.1, step: 999, stepsPerEpoch: 5, epochs: 4) == 0.01)
    #expect(Schedule.cosine().warmedUp(over: 9).learningRate(base: 1, step: 8, stepsPerEpoch: 1, epochs: 1) == 1)
  }

  @Test(arguments: [
    Schedule.constant, .step(every: 3, gamma: 0.2), .exponential(gamma: 0.95), .cosine(to: 1e-6).warmedUp(over: 7),
  ])
  func survivesJSON(schedule: Schedule) throws {
    try schedule.validate()
    #expect(try JSONDecoder().decode(Schedule.self, from: JSONEncoder().encode(schedule)) == schedule)
  }

  @Test(arguments: [
    Schedule.step(every: 0), .step(every: 1, gamma: 0), .exponential(gamma: 1.5), .exponential(gamma: .nan),
    .cosine(to: -1), .cosine(to: .infinity), .constant.warmedUp(over: -1),
  ])
  func refusesWhatGivesNoRate(schedule: Schedule) {
    #expect(throws: TrainingFault.self) { try schedule.validate() }
  }
}
