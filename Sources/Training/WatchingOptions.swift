/// How a run is watched. None of it changes what is learned; a resumed run is watched as before, so that its logs have no gaps.
public struct WatchingOptions: Codable, Equatable, Sendable {
  /// Every so many steps the run is looked into, for `steps.csv` and `layers.csv`; nil for never.
  public var logEvery: Int?
  /// Whether every step becomes a row of `steps.csv`.
  public var recordsSteps = false
  /// The folder of a log for TensorBoard, which a program attaches; empty for that of the run, nil for none.
  public var tensorBoard: String?

  /// A run that nobody watches.
  public init() {}
}

extension TrainingHooks {
  /// The same in a run that is watched so: a program's own steps come first, but for those that are looked into once an epoch.
  func watching(_ options: WatchingOptions) -> TrainingHooks {
    var hooks = self
    if (inspectionInterval ?? 0) == 0, let every = options.logEvery { hooks.inspectionInterval = every }
    hooks.recordsSteps = recordsSteps || options.recordsSteps
    return hooks
  }
}
