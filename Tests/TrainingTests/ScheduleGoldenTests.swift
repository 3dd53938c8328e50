import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

/// Learning rates as PyTorch's schedulers have them.
@Suite struct ScheduleGoldenTests {
  struct Settings: Decodable {
    let stepSize, period, multiplier, patience, cooldown: Int?
    let gamma, minimum, factor, threshold, lowest: Double?
    let milestones: [Int]?

    private enum CodingKeys: String, CodingKey {
      case gamma, milestones, patience, cooldown, factor, threshold
      case stepSize = "step_size"
      case period = "T_0"
      case multiplier = "T_mult"
      case minimum = "eta_min"
      case lowest = "min_lr"
    }
  }

  struct Course: Decodable {
    let name: String
    let base: Double
    let settings: Settings
    let losses: [Double]?
    let rates: [Double]

    private enum CodingKeys: String, CodingKey {
      case name, base, settings, losses
      case rates = "learning_rates"
    }
  }

  func courses(_ file: String) throws -> [Course] {
    let found = try JSONDecoder().decode(
      [Course].self, from: Data(contentsOf: Goldens.url(file, of: "TrainingTests")))
    #expect(found.count >= 3)
    return found
  }

  func expect(_ rates: [Double], _ course: Course) {
    #expect(rates.count == course.rates.count && rates.count >= 10)
    for (index, (rate, expected)) in zip(rates, course.rates).enumerated() {
      #expect(abs(rate - expected) <= 1e-12 * course.base, "\(course.name), element \(index): \(rate), \(expected)")
    }
  }

  @Test func ratesAfterEachEpoch() throws {
    var seen: Set<String> = []
    for course in try courses("schedules.json") {
      let gamma = course.settings.gamma ?? 0
      let schedule: Schedule
      switch course.name {
      case "step", "step-default": schedule = .step(every: course.settings.stepSize ?? 0, gamma: gamma)
      case "multi-step": schedule = .multiStep(milestones: course.settings.milestones ?? [], gamma: gamma)
      case "exponential": schedule = .exponential(gamma: gamma)
      default: schedule = .cosine(to: course.settings.minimum ?? 0)
      }
      try schedule.validate()
      seen.insert(course.name)
      expect(
        (0...10).map { schedule.learningRate(base: course.base, step: $0, stepsPerEpoch: 1, epochs: 10) }, course)
    }
    #expect(seen.contains("multi-step") && seen.count == 6)
  }

  @Test func warmRestarts() throws {
    for course in try courses("restarts.json") {
      let schedule = Schedule.cosineRestarts(
        period: course.settings.period ?? 0, multiplier: course.settings.multiplier ?? 0,
        to: course.settings.minimum ?? 0)
      try schedule.validate()
      let rates = (0..<40).map {
        schedule.learningRate(base: course.base, step: $0, stepsPerEpoch: 4, epochs: 10)
      }
      expect(rates, course)
      // Behind a warm-up the same course begins where the warm-up ends.
      let late = (3..<43).map {
        schedule.warmedUp(over: 3).learningRate(base: course.base, step: $0, stepsPerEpoch: 4, epochs: 10)
      }
      expect(late, course)
      #expect(
        schedule.warmedUp(over: 4).learningRate(base: 1, step: 0, stepsPerEpoch: 4, epochs: 10) == 0.25)
    }
  }

  @Test func plateaus() throws {
    for course in try courses("plateaus.json") {
      let settings = course.settings
      let plateau = ReduceOnPlateau(
        factor: settings.factor ?? 0.1, patience: settings.patience ?? 10, threshold: settings.threshold ?? 1e-4,
        cooldown: settings.cooldown ?? 0, minimum: settings.lowest ?? 0)
      try plateau.validate()
      var state = ReduceOnPlateau.State(learningRate: course.base)
      var rates: [Double] = []
      for loss in course.losses ?? [] {
        rates.append(
          Schedule.reduceOnPlateau(plateau).learningRate(
            base: state.learningRate, step: 7, stepsPerEpoch: 1, epochs: 40))
        plateau.observe(Scores(loss: loss), &state)
        // A state that was saved and read goes on alike.
        state = try JSONDecoder().decode(ReduceOnPlateau.State.self, from: JSONEncoder().encode(state))
      }
      expect(rates, course)
      #expect(Set(course.rates).count >= (course.name == "default" ? 1 : 3), "the course has plateaus")
    }
  }

  @Test func periodsTooLongToCountEnd() {
    let schedule = Schedule.cosineRestarts(period: 1 << 30, multiplier: 1000)
    let rate = schedule.learningRate(base: 1, step: Int.max, stepsPerEpoch: 1 << 30, epochs: 1)
    #expect(rate >= 0 && rate <= 1)
  }

  @Test(arguments: [
    Schedule.multiStep(milestones: []), .multiStep(milestones: [0, 3]), .multiStep(milestones: [3, 3]),
    .multiStep(milestones: [2], gamma: 0), .cosineRestarts(period: 0), .cosineRestarts(period: 1, multiplier: 0),
    .cosineRestarts(period: 1, to: .nan), .reduceOnPlateau(.init(factor: 1)), .reduceOnPlateau(.init(factor: 0)),
    .reduceOnPlateau(.init(patience: -1)), .reduceOnPlateau(.init(threshold: 1)),
    .reduceOnPlateau(.init(cooldown: -1)), .reduceOnPlateau(.init(minimum: -.infinity)),
  ])
  func refusesWhatGivesNoRate(schedule: Schedule) {
    #expect(throws: TrainingFault.self) { try schedule.validate() }
  }

  @Test(arguments: [
    Schedule.multiStep(milestones: [2, 5]), .cosineRestarts(period: 3, multiplier: 2).warmedUp(over: 4),
    .reduceOnPlateau(.init(patience: 3)),
  ])
  func survivesJSON(schedule: Schedule) throws {
    try schedule.validate()
    #expect(try JSONDecoder().decode(Schedule.self, from: JSONEncoder().encode(schedule)) == schedule)
  }
}
