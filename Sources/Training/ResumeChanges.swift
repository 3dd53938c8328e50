/// What a resumed run does in another way than it was begun. Its folder keeps the changes.
public struct ResumeChanges: Equatable, Sendable {
  /// Where the data are now. They are compared with those of the beginning.
  public var data: String?
  /// The number of epochs of the whole run.
  public var epochs: Int?
  /// The threads that compute; nil for the run's own.
  public var threads: Int?
  /// The threads that prepare data; nil for the run's own.
  public var workers: Int?
  /// The share of a part's images that may be unreadable.
  public var mostSkipped: Double?
  /// How the run is watched; nil for as it was.
  public var watching: WatchingOptions?

  /// Changes; what is left out stays.
  public init(
    data: String? = nil, epochs: Int? = nil, threads: Int? = nil, workers: Int? = nil, mostSkipped: Double? = nil,
    watching: WatchingOptions? = nil
  ) {
    self.watching = watching
    self.mostSkipped = mostSkipped
    self.data = data
    self.epochs = epochs
    self.threads = threads
    self.workers = workers
  }

  /// The options with the changes.
  func applied(to options: TrainingOptions) -> TrainingOptions {
    var changed = options
    if let data {
      changed.data = data
      // Folders of other parts inside of the data have moved with them.
      func moved(_ part: TrainingOptions.Validation?) -> TrainingOptions.Validation? {
        guard case .folder(let path)? = part, path.hasPrefix(options.data + "/") else { return part }
        return .folder(data + path.dropFirst(options.data.count))
      }
      changed.validation = moved(options.validation)
      changed.parts.test = moved(options.parts.test)
    }
    changed.epochs = epochs ?? options.epochs
    changed.threads = threads ?? options.threads
    changed.workers = workers ?? options.workers
    changed.watching = watching ?? options.watching
    // Refused later for data of another kind.
    if let mostSkipped, case .images(var images)? = options.kind {
      images.mostSkipped = mostSkipped
      changed.kind = .images(images)
    }
    return changed
  }

  /// Refuses an end before what has been done, and lets a run that stopped early go on.
  func applied(to state: LoopState) throws(TrainingFault) -> LoopState {
    guard let epochs else { return state }
    let begun = state.epoch + (state.batchInEpoch > 0 ? 1 : 0)
    guard epochs >= begun else { throw .fewerEpochs(epochs, begun: begun) }
    var changed = state
    if epochs > state.epoch, state.stopping?.hasStopped == true {
      changed.stopping?.hasStopped = false
      changed.stopping?.epochsWithoutImprovement = 0
    }
    return changed
  }

  /// What a person should know about the changes.
  ///
  /// - Parameters:
  ///   - old: the options so far.
  ///   - state: where the run stands; nil at its beginning.
  func remarks(_ old: TrainingOptions, _ new: TrainingOptions, state: LoopState?, stepsPerEpoch: Int) -> [String] {
    var remarks: [String] = []
    if new.threads != old.threads {
      remarks.append(
        "computing with \(new.threads) instead of \(old.threads) threads: from here on the last digits may differ from those of a run that never stopped"
      )
    }
    guard new.epochs != old.epochs else { return remarks }
    let (step, base) = (state?.globalStep ?? 0, state?.plateau?.learningRate ?? new.optimizer.learningRate)
    func rate(_ epochs: Int) -> Double {
      significant(
        new.schedule.learningRate(base: base, step: step, stepsPerEpoch: stepsPerEpoch, epochs: epochs), 4)
    }
    let next = "the learning rate of the next step is \(rate(new.epochs))"
    remarks.append(
      new.schedule.dependsOnEpochs
        ? "\(new.epochs) instead of \(old.epochs) epochs: the schedule is stretched to the new end; \(next), not \(rate(old.epochs))"
        : "\(new.epochs) instead of \(old.epochs) epochs: the schedule stays as it was; \(next)")
    return remarks
  }
}
