import AviaryCheckpoints

/// Where a run stands, between two steps. With the weights, the optimizer's state and the seeds, all that a run needs to
/// continue as if it had never stopped.
public struct LoopState: Codable, Equatable, Sendable {
  /// The number of finished epochs, which is the number of the current one counted from 0.
  public internal(set) var epoch = 0
  /// The number of batches of the current epoch that are done.
  public internal(set) var batchInEpoch = 0
  /// The number of steps taken in the whole run: it keys the random streams and the schedule.
  public internal(set) var globalStep = 0
  /// The best validation so far, and its epoch, counted from 1.
  public internal(set) var best: Best?
  /// The finished epochs.
  public internal(set) var history: [HistoryRow] = []
  /// The time spent in the run, over all its sessions.
  public internal(set) var elapsedSeconds = 0.0
  /// The current epoch's sums.
  public internal(set) var sums = EpochSums()
  /// Where the learning rate stands, for a schedule that depends on validation; nil before the first epoch's end.
  public internal(set) var plateau: ReduceOnPlateau.State?
  /// How long nothing got better, where the run may stop early; nil before the first epoch's end.
  public internal(set) var stopping: EarlyStopping.State?

  /// The best epoch so far.
  public struct Best: Codable, Equatable, Sendable {
    /// Its number, counted from 0.
    public var epoch: Int
    /// nil where no epoch has been validated: then the last one counts as the best.
    public var scores: Scores?
  }

  /// Sums over the batches of one epoch.
  public struct EpochSums: Codable, Equatable, Sendable {
    /// Each batch's mean loss times its number of items.
    public internal(set) var loss = 0.0
    /// How many items were predicted rightly.
    public internal(set) var correct = 0
    /// The items of the batches that told how many they got right.
    public internal(set) var judged = 0
    /// How many items there were.
    public internal(set) var items = 0
    /// The time spent learning.
    public internal(set) var learningSeconds = 0.0
    /// The time spent at all.
    public internal(set) var seconds = 0.0
    /// The last step's.
    public internal(set) var learningRate = 0.0

    /// Items a second; nil where no time has passed.
    public var itemsPerSecond: Double? { learningSeconds > 0 ? Double(items) / learningSeconds : nil }

    /// The means over the items.
    public var scores: Scores {
      Scores(
        loss: items > 0 ? loss / Double(items) : 0,
        accuracy: judged > 0 ? Double(correct) / Double(judged) : nil)
    }

    mutating func add(_ result: StepResult, learningRate: Double) {
      loss += result.loss * Double(result.count)
      items += result.count
      if let correct = result.correct {
        self.correct += correct
        judged += result.count
      }
      self.learningRate = learningRate
    }
  }

  /// The state of a run that has not begun.
  public init() {}

  /// Closes the current epoch. Returns whether it is the best so far.
  mutating func finishEpoch(_ validation: Scores?, _ choice: BestChoice = BestChoice()) -> Bool {
    history.append(
      HistoryRow(
        epoch: epoch + 1, training: sums.scores, validation: validation, learningRate: sums.learningRate,
        seconds: sums.seconds, itemsPerSecond: sums.itemsPerSecond))
    epoch += 1
    batchInEpoch = 0
    sums = EpochSums()
    if let former = best?.scores {
      // What was not validated is not known to be better.
      guard let validation, choice.isBetter(validation, than: former) else { return false }
    }
    best = Best(epoch: epoch, scores: validation)
    return true
  }

  /// Refuses a state, from a file perhaps, that no run of this length can have been in.
  func validate(epochs: Int, batchesPerEpoch: Int) throws(TrainingFault) {
    guard (0...epochs).contains(epoch) else {
      throw .unusableState(reason: "it has finished \(epoch) of \(epochs) epochs")
    }
    guard history.map(\.epoch) == Array(1..<epoch + 1) else {
      throw .unusableState(reason: "it has finished \(epoch) epochs, but its history has \(history.count)")
    }
    guard (0...batchesPerEpoch).contains(batchInEpoch) else {
      throw .unusableState(reason: "it is at batch \(batchInEpoch) of \(batchesPerEpoch)")
    }
    guard (batchInEpoch...(epoch + 1) * batchesPerEpoch).contains(globalStep), (0...1 << 53).contains(sums.items),
      (0...sums.items).contains(sums.judged), (0...sums.judged).contains(sums.correct)
    else {
      throw .unusableState(reason: "its counts contradict each other")
    }
    guard plateau?.isPossible ?? true, stopping?.isPossible ?? true else {
      throw .unusableState(reason: "its learning rate or its count of epochs without improvement is impossible")
    }
  }
}

extension LoopState {
  /// The state as a checkpoint keeps it, exact to the last bit.
  public func json() throws -> JSONValue { try JSONValue(encoding: self) }

  /// Reads what `json()` made.
  public init(json: JSONValue) throws(TrainingFault) {
    do { self = try json.decoded() } catch {
      throw .unusableState(reason: "it cannot be read (\(reason(error)))")
    }
  }
}
