/// The result of one step.
public struct StepResult: Equatable, Sendable {
  /// The mean loss over the batch.
  public var loss: Double
  /// How many items were predicted rightly; nil where the task has no right and wrong.
  public var correct: Int?
  /// The number of items in the batch.
  public var count: Int

  /// The result of a step over `count` items.
  public init(loss: Double, correct: Int? = nil, count: Int) {
    self.loss = loss
    self.correct = correct
    self.count = count
  }
}

/// What the loop tells its observer.
public enum LoopEvent: Sendable {
  /// A step was taken.
  case stepped(LoopState)
  /// The epoch's last step was taken; validation begins.
  case validating(LoopState)
  /// An epoch is finished and saved.
  case finishedEpoch(HistoryRow, isBest: Bool)
  /// The run stops before its last epoch because nothing improved.
  case stoppedEarly(epoch: Int, epochsWithoutImprovement: Int)
}

/// How a run ended; either way its last state is saved.
public enum LoopOutcome: Equatable, Sendable {
  /// After the last epoch, or by early stopping.
  case finished(LoopState)
  /// Because `isInterrupted` said so.
  case interrupted(LoopState)
}

/// Thrown by an `evaluate` or a `batches` closure that stops because the run was interrupted: the loop saves and returns.
public struct EvaluationInterrupted: Swift.Error {
  /// An interruption.
  public init() {}
}

/// Epochs, steps, validation, saving and resuming, whatever the model, the data and the files are.
///
/// The closures carry the task: they share a model and an optimizer by capturing them. For a run to continue exactly, a
/// step must depend on nothing but the weights, the optimizer's state, the batch, the learning rate and the step's
/// number; and the batches of an epoch on nothing but the epoch's number.
public struct TrainingLoop<Batches: Sequence> {
  /// How often the whole training set is gone through.
  public var epochs: Int
  /// The most batches that an epoch can have, from which the schedule counts.
  public var batchesPerEpoch: Int
  /// The learning rate; a schedule changes it.
  public var learningRate: Double
  /// How the rate changes.
  public var schedule: Schedule
  /// How the best epoch is chosen.
  public var choice = BestChoice()
  /// When the run stops before its last epoch; nil for never.
  public var earlyStopping: EarlyStopping?
  /// The longest time between two saved states, in seconds.
  public var saveInterval = 60.0

  /// The batches of an epoch (counted from 0), without the first `startingAt`.
  public var batches: (_ epoch: Int, _ startingAt: Int) throws -> Batches
  /// Learns from one batch.
  public var step: (_ batch: Batches.Element, _ learningRate: Double, _ globalStep: Int) throws -> StepResult
  /// Validates; returns nil where there is nothing to validate on.
  public var evaluate: () throws -> Scores?
  /// Saves all that is needed to continue from `state`. It replaces what it saved before, completely or not at all.
  public var save: (_ state: LoopState) throws -> Void

  /// Called after an epoch's last batch: throws if the batches ended early because of a fault.
  public var checkBatches: () throws -> Void = {}
  /// Saves the model as the best so far, before `save`. A run killed in between finds the same best again.
  public var saveBest: (_ state: LoopState) throws -> Void = { _ in }
  /// Called after every epoch, before `save`.
  public var saveEpoch: (_ state: LoopState) throws -> Void = { _ in }
  /// Is told of steps, validations and epochs.
  public var observe: (LoopEvent) -> Void = { _ in }
  /// Asked after each step: whether the state is to be saved, beside the time that has passed.
  public var isSavingDue: () -> Bool = { false }
  /// Asked after each step and each epoch.
  public var isInterrupted: () -> Bool = { false }
  /// Seconds on a clock that never goes back.
  public var now: () -> Double = secondsOnAClock

  /// A loop of these parts.
  public init(
    epochs: Int, batchesPerEpoch: Int, learningRate: Double, schedule: Schedule,
    batches: @escaping (_ epoch: Int, _ startingAt: Int) throws -> Batches,
    step: @escaping (_ batch: Batches.Element, _ learningRate: Double, _ globalStep: Int) throws -> StepResult,
    evaluate: @escaping () throws -> Scores?, save: @escaping (_ state: LoopState) throws -> Void
  ) {
    self.epochs = epochs
    self.batchesPerEpoch = batchesPerEpoch
    self.learningRate = learningRate
    self.schedule = schedule
    self.batches = batches
    self.step = step
    self.evaluate = evaluate
    self.save = save
  }

  /// Trains from `start`, or from the beginning, until all epochs are done, early stopping applies, or the run is
  /// interrupted.
  ///
  /// The state is saved at the start, after every epoch, when `saveInterval` has passed, and at an interruption.
  /// - Throws: `TrainingFault`, or what a closure throws. What was saved last stays.
  public func run(from start: LoopState = LoopState()) throws -> LoopOutcome {
    let limit = 1 << 30  // so that products of the two cannot overflow
    try TrainingFault.check("number of epochs", epochs, (1...limit).contains(epochs), "1 to \(limit)")
    try TrainingFault.check(
      "number of batches", batchesPerEpoch, (1...limit).contains(batchesPerEpoch), "1 to \(limit)")
    try schedule.validate()
    try earlyStopping?.validate()
    try start.validate(epochs: epochs, batchesPerEpoch: batchesPerEpoch)
    var session = Session(state: start, clock: now)
    if start == LoopState() { try saveNow(&session) }
    while !isOver(session.state) {
      if try learn(&session) == .interrupted { return .interrupted(session.state) }
      observe(.validating(session.state))
      let scores: Scores?
      do {
        scores = try evaluate()
      } catch is EvaluationInterrupted {
        try saveNow(&session)
        return .interrupted(session.state)
      }
      try finishEpoch(&session, scores)
      if !isOver(session.state), isInterrupted() { return .interrupted(session.state) }
    }
    return .finished(session.state)
  }

  private func isOver(_ state: LoopState) -> Bool {
    state.epoch >= epochs || (earlyStopping != nil && state.stopping?.hasStopped == true)
  }

  private enum Course { case completed, interrupted }

  /// The rest of the current epoch's steps.
  private func learn(_ session: inout Session) throws -> Course {
    let batches: Batches
    do {
      batches = try self.batches(session.state.epoch, session.state.batchInEpoch)
    } catch is EvaluationInterrupted {
      try saveNow(&session)
      return .interrupted
    }
    for batch in batches {
      let number = session.state.globalStep
      let rate = schedule.learningRate(
        base: schedule.plateau.flatMap { _ in session.state.plateau?.learningRate } ?? learningRate, step: number,
        stepsPerEpoch: batchesPerEpoch,
        epochs: epochs)
      let result = try step(batch, rate, number)
      guard result.loss.isFinite else { throw fault(result.loss, .training, session.state, rate) }
      session.state.sums.add(result, learningRate: rate)
      session.state.batchInEpoch += 1
      session.state.globalStep += 1
      session.countTime(learning: true)
      observe(.stepped(session.state))
      if isInterrupted() {
        try saveNow(&session)
        return .interrupted
      }
      if session.secondsSinceSaving >= saveInterval || isSavingDue() { try saveNow(&session) }
    }
    try checkBatches()
    if session.state.batchInEpoch == 0 { throw TrainingFault.noBatches(epoch: session.state.epoch + 1) }
    if session.state.sums.items == 0 { throw TrainingFault.nothingLearned(epoch: session.state.epoch + 1) }
    return .completed
  }

  private func finishEpoch(_ session: inout Session, _ scores: Scores?) throws {
    if let loss = scores?.loss, !loss.isFinite {
      throw fault(loss, .validation, session.state, session.state.sums.learningRate)
    }
    session.countTime(learning: false)
    // Where nothing is held out, training itself is watched.
    let watched = scores ?? session.state.sums.scores
    try choice.require(watched)
    let isBest = session.state.finishEpoch(scores, choice)
    if let plateau = schedule.plateau {
      var state = session.state.plateau ?? ReduceOnPlateau.State(learningRate: learningRate)
      plateau.observe(watched, &state)
      session.state.plateau = state
    }
    if let earlyStopping {
      var state = session.state.stopping ?? EarlyStopping.State()
      earlyStopping.observe(watched, &state)
      session.state.stopping = state
    }
    if isBest { try saveBest(session.state) }
    try saveEpoch(session.state)
    try saveNow(&session)
    if let row = session.state.history.last { observe(.finishedEpoch(row, isBest: isBest)) }
    if let stopping = session.state.stopping, stopping.hasStopped, session.state.epoch < epochs {
      observe(
        .stoppedEarly(
          epoch: session.state.epoch, epochsWithoutImprovement: stopping.epochsWithoutImprovement))
    }
  }

  private func saveNow(_ session: inout Session) throws {
    session.countTime(learning: false)
    try save(session.state)
    session.saved()
  }

  private func fault(_ loss: Double, _ part: TrainingFault.Part, _ state: LoopState, _ rate: Double) -> TrainingFault {
    .lossNotFinite(
      loss: "\(loss)", part: part, epoch: state.epoch + 1, step: state.batchInEpoch + (part == .training ? 1 : 0),
      learningRate: rate)
  }

  /// The state, and the clock that is not part of it.
  private struct Session {
    var state: LoopState
    private let clock: () -> Double
    private var counted: Double
    private var savedAt: Double

    init(state: LoopState, clock: @escaping () -> Double) {
      self.state = state
      self.clock = clock
      counted = clock()
      savedAt = counted
    }

    var secondsSinceSaving: Double { counted - savedAt }

    /// Puts the time since the last call down to the epoch, and to learning if that is what it went into.
    mutating func countTime(learning: Bool) {
      let time = clock()
      let spent = max(0, time - counted)
      counted = time
      state.elapsedSeconds += spent
      state.sums.seconds += spent
      if learning { state.sums.learningSeconds += spent }
    }

    /// The time that saving took belongs to the epoch, not to learning.
    mutating func saved() {
      countTime(learning: false)
      savedAt = counted
    }
  }
}

/// Seconds since some moment in the past.
@Sendable public func secondsOnAClock() -> Double {
  let passed = ContinuousClock.now - clockStart
  return Double(passed.components.seconds) + Double(passed.components.attoseconds) * 1e-18
}

private let clockStart = ContinuousClock.now
