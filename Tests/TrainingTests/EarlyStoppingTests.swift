import AviaryKernels
import Testing

@testable import AviaryTraining

/// The loop with what depends on how it goes: stopping early, and lowering the rate on a plateau.
@Suite struct EarlyStoppingTests {
  func epochs(_ stopping: EarlyStopping, _ scores: [Scores]) -> Int? {
    var state = EarlyStopping.State()
    for (index, scores) in scores.enumerated() {
      stopping.observe(scores, &state)
      if state.hasStopped { return index + 1 }
    }
    return nil
  }

  @Test func stopsAfterSoManyEpochsWithoutImprovement() {
    let losses = [1, 0.9, 0.95, 0.85, 0.86, 0.85, 0.84, 0.9, 0.9, 0.9].map { Scores(loss: $0) }
    #expect(epochs(EarlyStopping(patience: 1), losses) == 3)
    #expect(epochs(EarlyStopping(patience: 2), losses) == 6, "as good as the best is not better")
    #expect(epochs(EarlyStopping(patience: 3), losses) == 10)
    #expect(epochs(EarlyStopping(patience: 4), losses) == nil)
    #expect(epochs(EarlyStopping(patience: 3, minimumImprovement: 0.04), losses) == 7)
  }

  @Test func accuracyRisesAndLossFalls() {
    let scores = [(1, 0.5), (0.5, 0.5), (0.4, 0.4), (0.3, 0.6)].map { Scores(loss: $0, accuracy: $1) }
    #expect(epochs(EarlyStopping(patience: 2, quantity: .accuracy), scores) == 3)
    #expect(epochs(EarlyStopping(patience: 2), scores) == nil)
    #expect(epochs(EarlyStopping(patience: 1, quantity: .accuracy), [Scores(loss: 1), Scores(loss: 2)]) == 2)
  }

  func task(_ disk: ToyTask.Disk = ToyTask.Disk(), momentsLeft: Int? = nil) -> ToyTask {
    let task = ToyTask(disk: disk, momentsLeft: momentsLeft)
    task.adjust = { loop in
      loop.epochs = 30
      loop.schedule = .reduceOnPlateau(.init(factor: 0.5, patience: 0, threshold: 0.3, cooldown: 1))
      loop.earlyStopping = EarlyStopping(patience: 4, minimumImprovement: 1e-3)
    }
    return task
  }

  func finished(_ outcome: LoopOutcome) throws -> LoopState {
    guard case .finished(let state) = outcome else {
      Issue.record("not finished: \(outcome)")
      return LoopState()
    }
    return TrainingLoopTests().timeless(state)
  }

  @Test func aRunStopsEarlyAndStaysStopped() throws {
    let task = task()
    let state = try finished(task.run())
    #expect(state.stopping?.hasStopped == true && state.epoch < 30 && state.epoch > 4)
    #expect(task.events.last == "stopped \(state.epoch) 4")
    let best = state.history.map { $0.validation?.loss ?? 0 }
    #expect(best.suffix(4).allSatisfy { $0 >= (best.dropLast(4).min() ?? 0) - 1e-3 })
    let rates = state.history.map(\.learningRate)
    #expect(rates.first == 0.2 && Set(rates).count > 2 && zip(rates, rates.dropFirst()).allSatisfy { $0 >= $1 })
    let again = self.task(task.disk)
    #expect(try finished(again.run()) == state && again.stepsTaken == 0)
  }

  @Test(arguments: 0..<10)
  func killedAndResumedRunsEqualUndisturbedOnes(seed: UInt64) throws {
    let undisturbed = task()
    let expected = try finished(undisturbed.run())
    var disk = ToyTask.Disk()
    var stream = RandomStream(seed: seed, purpose: "kills")
    var kills = 0
    while true {
      let task = task(disk, momentsLeft: 5 + stream.integer(below: 60))
      do {
        #expect(try finished(task.run()) == expected && task.weights == undisturbed.weights)
        break
      } catch is ToyTask.Killed {
        kills += 1
      }
      disk = task.disk
    }
    #expect(kills >= 1)
  }

  @Test func withoutValidationTrainingIsWatched() throws {
    var loop = task().loop()
    loop.evaluate = { nil }
    loop.earlyStopping = EarlyStopping(patience: 2, minimumImprovement: 1e9)
    #expect(try finished(loop.run()).epoch == 3)
  }

  @Test func impossibleStatesAreRefused() throws {
    func refuses(_ change: (inout LoopState) -> Void, sourceLocation: SourceLocation = #_sourceLocation) {
      var state = LoopState()
      change(&state)
      #expect(throws: TrainingFault.self, sourceLocation: sourceLocation) { try task().loop().run(from: state) }
    }
    refuses { $0.plateau = .init(learningRate: -1) }
    refuses { $0.plateau = .init(learningRate: .infinity) }
    refuses {
      $0.plateau = .init(learningRate: 1)
      $0.plateau?.cooldownLeft = -1
    }
    refuses {
      $0.stopping = .init()
      $0.stopping?.epochsWithoutImprovement = -1
    }
    var loop = task().loop()
    loop.earlyStopping = EarlyStopping(patience: 0)
    #expect(throws: TrainingFault.self) { try loop.run() }
    // A state that was written before either existed is one in which neither has begun.
    let old = try LoopState().json()
    let read = try LoopState(json: old)
    #expect(old["plateau"] == nil && read == LoopState())
  }
}
