import AviaryCheckpoints
import AviaryKernels
import Testing

@testable import AviaryTraining

@Suite struct TrainingLoopTests {
  /// What two runs must share: all but the times.
  func timeless(_ state: LoopState) -> LoopState {
    var state = state
    state.elapsedSeconds = 0
    state.sums.seconds = 0
    state.sums.learningSeconds = 0
    for index in state.history.indices {
      state.history[index].seconds = 0
      state.history[index].itemsPerSecond = nil
    }
    return state
  }

  func finished(_ outcome: LoopOutcome?, sourceLocation: SourceLocation = #_sourceLocation) throws -> LoopState {
    guard case .finished(let state) = outcome else {
      Issue.record("not finished: \(String(describing: outcome))", sourceLocation: sourceLocation)
      return LoopState()
    }
    return state
  }

  @Test func learnsALine() throws {
    let task = ToyTask()
    let state = try finished(task.run())
    #expect(abs(task.weights.slope - 0.7) < 0.05)
    #expect(abs(task.weights.offset + 0.2) < 0.05)
    #expect(state.epoch == 5 && state.globalStep == 35 && state.batchInEpoch == 0)
    #expect(state.history.map(\.epoch) == [1, 2, 3, 4, 5])
    #expect(state.history[0].training.loss > 4 * state.history[4].training.loss)
    #expect(task.events == (1...5).flatMap { ["validating \($0)", "finished \($0)"] })
    // Ten seconds a step, nothing else takes time.
    #expect(state.history.map(\.seconds) == Array(repeating: 70, count: 5))
    #expect(state.history[0].itemsPerSecond == 100.0 / 70)
    #expect(state.elapsedSeconds == 350)
    // At the start, after each epoch's sixth step (60 s after the save before), at each epoch's end.
    #expect(task.disk.saves == 1 + 5 + 5)
  }

  @Test func theBestIsTheMostAccurateEpoch() throws {
    let task = ToyTask()
    let state = try finished(task.run())
    let accuracies = state.history.map { $0.validation?.accuracy ?? 0 }
    let best = try #require(state.best)
    #expect(best.scores == state.history[best.epoch - 1].validation)
    #expect(accuracies.max() == best.scores?.accuracy)
    #expect(best.epoch < 5 || task.disk.best == task.weights)
  }

  @Test(arguments: 0..<25)
  func killedAndResumedRunsEqualUndisturbedOnes(seed: UInt64) throws {
    let undisturbed = ToyTask()
    let expected = try finished(undisturbed.run())
    var disk = ToyTask.Disk()
    var stream = RandomStream(seed: seed, purpose: "kills")
    var kills = 0
    var outcome: LoopOutcome?
    var weights = ToyTask.Weights()
    while outcome == nil {
      let task = ToyTask(disk: disk, momentsLeft: stream.integer(below: 45))
      do {
        outcome = try task.run()
        weights = task.weights
      } catch is ToyTask.Killed {
        kills += 1
      }
      disk = task.disk
    }
    #expect(kills >= 1)
    #expect(try timeless(finished(outcome)) == timeless(expected))
    #expect(weights == undisturbed.weights)
    #expect(disk.best == undisturbed.disk.best)
    #expect(disk.last?.weights == undisturbed.weights)
  }

  @Test(arguments: 1...35)
  func interruptedRunsFinishTheStepAndSave(after steps: Int) throws {
    let task = ToyTask()
    task.interruptAfter = steps
    guard case .interrupted(let state) = try task.run() else {
      Issue.record("not interrupted")
      return
    }
    #expect(task.stepsTaken == steps && state.globalStep == steps)
    let saved = try #require(task.disk.last)
    #expect(try timeless(LoopState(json: saved.state)) == timeless(state))
    #expect(saved.weights == task.weights)

    let undisturbed = ToyTask()
    let expected = try finished(undisturbed.run())
    let resumed = ToyTask(disk: task.disk)
    #expect(try timeless(finished(resumed.run())) == timeless(expected))
    #expect(resumed.weights == undisturbed.weights)
  }

  @Test func anInterruptedValidationIsDoneAgain() throws {
    let task = ToyTask()
    var loop = task.loop()
    loop.evaluate = { throw EvaluationInterrupted() }
    guard case .interrupted(let state) = try loop.run() else {
      Issue.record("not interrupted")
      return
    }
    #expect(state.epoch == 0 && state.batchInEpoch == 7)
    let expected = try finished(ToyTask().run())
    #expect(try timeless(finished(ToyTask(disk: task.disk).run())) == timeless(expected))
  }

  @Test func aFinishedRunStaysFinished() throws {
    let task = ToyTask()
    let state = try finished(task.run())
    let again = ToyTask(disk: task.disk)
    #expect(try timeless(finished(again.run())) == timeless(state))
    #expect(again.stepsTaken == 0)
  }

  @Test func withoutValidationTheLastEpochIsTheBest() throws {
    var loop = ToyTask().loop()
    loop.evaluate = { nil }
    let state = try finished(loop.run())
    #expect(state.best == LoopState.Best(epoch: 5, scores: nil))
    #expect(state.history.allSatisfy { $0.validation == nil })
  }

  @Test(arguments: [
    // The scores of each epoch, nil for one that was not validated, and the best.
    ([0.3, nil, 0.2, nil], 3), ([nil, 0.5, nil], 2), ([nil, nil], 2), ([0.1, nil], 1),
  ])
  func whatIsNotValidatedIsNeverBetter(losses: [Double?], best: Int) throws {
    let task = ToyTask()
    var remaining = losses[...]
    var loop = task.loop()
    loop.epochs = losses.count
    loop.evaluate = { remaining.popFirst()?.map { Scores(loss: $0) } }
    let state = try finished(loop.run())
    #expect(state.best == LoopState.Best(epoch: best, scores: losses[best - 1].map { Scores(loss: $0) }))
  }

  @Test func anEpochOfNothingFails() throws {
    let task = ToyTask()
    var loop = task.loop()
    loop.step = { _, _, number in StepResult(loss: 0, correct: 0, count: number < 7 ? 16 : 0) }
    #expect(throws: TrainingFault.nothingLearned(epoch: 2)) { try loop.run() }
    #expect(try LoopState(json: try #require(task.disk.last).state).epoch == 1)
  }

  @Test(arguments: [Double.nan, .infinity])
  func aLossThatIsNoNumberStopsTheRun(loss: Double) throws {
    let task = ToyTask()
    task.poison = (step: 9, loss: loss)
    let fault = #expect(throws: TrainingFault.self) { try task.run() }
    #expect(
      fault
        == .lossNotFinite(loss: "\(loss)", part: .training, epoch: 2, step: 3, learningRate: task.rate(ofStep: 9)))
    #expect(fault?.description.contains("lower --lr") == true)
    #expect(task.disk.last != nil, "what was saved stays")
  }

  @Test func aValidationLossThatIsNoNumberStopsTheRun() {
    let task = ToyTask()
    task.validationLoss = .nan
    let fault = #expect(throws: TrainingFault.self) { try task.run() }
    #expect(fault?.description.hasPrefix("the validation loss became nan in epoch 1 at step 7") == true)
  }

  @Test func anEpochWithoutBatchesIsAFault() {
    var loop = ToyTask().loop()
    loop.batches = { _, _ in [] }
    #expect(throws: TrainingFault.noBatches(epoch: 1)) { try loop.run() }
  }

  @Test func impossibleSettingsAreRefused() {
    var loop = ToyTask().loop()
    loop.epochs = 0
    #expect(throws: TrainingFault.self) { try loop.run() }
    loop = ToyTask().loop()
    loop.schedule = .exponential(gamma: 2)
    #expect(throws: TrainingFault.self) { try loop.run() }
  }

  @Test func statesThatCannotBeAreRefused() throws {
    var state = LoopState()
    state.epoch = 1
    #expect(throws: TrainingFault.self, "without history") { try ToyTask().loop().run(from: state) }
    state = LoopState()
    state.epoch = -1
    #expect(throws: TrainingFault.self) { try ToyTask().loop().run(from: state) }
    state = LoopState()
    state.batchInEpoch = 3
    #expect(throws: TrainingFault.self, "without steps") { try ToyTask().loop().run(from: state) }
    state.batchInEpoch = Int.max
    state.globalStep = Int.max
    #expect(throws: TrainingFault.self) { try ToyTask().loop().run(from: state) }
    state = LoopState()
    state.globalStep = 8
    #expect(throws: TrainingFault.self, "more steps than batches") { try ToyTask().loop().run(from: state) }
    state = LoopState()
    state.epoch = Int.max
    #expect(throws: TrainingFault.self) { try ToyTask().loop().run(from: state) }
    #expect(throws: TrainingFault.self) { try LoopState(json: .members(["epoch": .integer(1)])) }
    #expect(throws: TrainingFault.self) { try LoopState(json: .null) }
  }
}

extension ToyTask {
  func rate(ofStep step: Int) -> Double {
    let loop = loop()
    return loop.schedule.learningRate(
      base: loop.learningRate, step: step, stepsPerEpoch: loop.batchesPerEpoch, epochs: loop.epochs)
  }
}
