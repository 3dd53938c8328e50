import ArgumentParser
import Aviary
import AviaryArchives
import AviarySearch

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Runs the trials of a study, one after the other, until there are none left.
final class SearchRun {
  let study: Study
  /// With the defaults.
  let plan: SearchPlan
  private let deadline: Double?
  private let shared: SharedReadings
  /// What the study does not say of the trials so far, so that it may be other than now.
  private let unknown: [Study.Input]
  private static let measuredFact = "measured"
  private static let ownStart = "defaults"
  /// How many trials may fail alike before a search with no other trials gives up.
  private static let mostFailures = 3

  init(_ plan: SearchPlan) throws {
    deadline = plan.seconds.map { secondsOnAClock() + $0 }
    shared = SharedReadings(folder: plan.folder)
    // What is not there, before a file is made for its study.
    let inputs = try Self.inputs(of: plan)
    var plan = plan
    if plan.method != .grid { plan.ownValues = plan.command.ownValues(in: plan.space) }
    self.plan = plan
    study = try Study(path: plan.study, facts: plan.facts)
    let study = study
    unknown = try inputs.filter { try !study.keep($0.kind, $0.fingerprint.text, $0.names) }.map(\.kind)
    for start in plan.starts { try study.start(start.text, start.values) }
    // What is found is compared with the defaults. A study that has begun goes on as it is.
    if let own = plan.ownValues, !plan.starts.contains(where: { $0.values == own }),
      try study.trials().count <= plan.starts.count
    {
      try study.start(Self.ownStart, own)
    }
  }

  /// Says how far the study is.
  func tellProgress() throws {
    let trials = try study.trials(in: plan.space)
    let over = trials.filter { $0.state != .waiting && $0.state != .running }.count
    tell(
      "\(plan.study): \(over)" + (plan.limit.map { " of \($0)" } ?? "") + " trials are over; method \(plan.method.word)"
    )
    for input in unknown {
      tell("\(plan.study): does not say what \(input.word) its trials had; it may not be as now")
    }
  }

  /// What every trial reads.
  private static func inputs(
    of plan: SearchPlan
  ) throws -> [(kind: Study.Input, fingerprint: DataFingerprint, names: String)] {
    let command = try plan.command.command(with: [:], for: plan.folder)
    var inputs: [(kind: Study.Input, fingerprint: DataFingerprint, names: String)] = []
    func add(_ kind: Study.Input, _ names: [String], _ fingerprint: (String) throws -> DataFingerprint) throws {
      var sum = DataFingerprint()
      for name in names { sum.add(try fingerprint(name)) }
      if !names.isEmpty { inputs.append((kind, sum, names.joined(separator: ", "))) }
    }
    try add(.data, command.dataPaths) { try DataSource.fingerprint(of: $0) }
    if let (name, checkpoint) = try command.storedCheckpoint {
      try add(.checkpoint, [name]) { _ in DataFingerprint(checkpoint) }
    }
    try add(.files, plan.command.furtherFiles(in: plan.space)) { try DataFingerprint(file: $0) }
    return inputs
  }

  /// - Returns: whether the run was interrupted.
  func runTrials() throws -> Bool {
    Interruption.watch()
    defer { Interruption.unwatch() }
    while deadline.map({ secondsOnAClock() < $0 }) ?? true {
      guard let claim = try study.claim(limit: plan.limit) else { return false }
      // Whatever happens in between, the trial is not left to a process that goes on without it.
      do {
        if try run(claim) { return true }
      } catch SearchFault.claimLost {
        continue
      } catch {
        try? study.release(claim)
        throw error
      }
      Interruption.watch()
    }
    return false
  }

  /// - Returns: whether the trial was interrupted.
  private func run(_ claim: TrialClaim) throws -> Bool {
    var values = claim.given
    if !claim.isComplete {
      values = plan.sampler.suggest(trial: claim.number, keeping: claim.given, after: try history(before: claim))
      try study.complete(claim, values)
    }
    // The run watches anew, and would forget that somebody asked while values were chosen.
    if Interruption.isRequested {
      try study.release(claim)
      return true
    }
    let trial = TrialRun(plan, study, claim, values, shared, rises: try settledMonitor()?.rises)
    let outcome: TrialRun.Outcome
    do {
      let beats = Heartbeat(of: claim, in: plan.study)
      defer { beats.stop() }
      outcome = try trial.run { [self] scores in try settle(scores) }
    }
    switch outcome {
    case .interrupted:
      try study.release(claim)
      return true
    case .finished(let value):
      try study.finish(claim, .finished, value: value.mean, loss: value.loss, deviation: value.deviation)
    case .pruned(let value): try study.finish(claim, .pruned, value: value)
    case .failed(let message): try study.finish(claim, .failed, message: message)
    }
    try tellAbout(claim.number)
    return false
  }

  /// All other trials as a sampler sees them.
  private func history(before claim: TrialClaim) throws -> [Observation] {
    let rises = try settledMonitor()?.rises ?? false
    return try study.trials(in: plan.space).filter { $0.number != claim.number }.compactMap {
      $0.observation(rises: rises)
    }
  }

  // MARK: What is measured

  /// What the trials are compared by; nil before the first epoch of a search that was not told.
  func settledMonitor() throws -> Monitor? {
    if let monitor = plan.monitor { return monitor }
    return try study.fact(Self.measuredFact).flatMap { Monitor(rawValue: $0) }
  }

  /// What the trials are compared by, which the first scores decide where nobody said it.
  private func settle(_ scores: Scores) throws -> Monitor {
    if let monitor = try settledMonitor() { return monitor }
    let usual = BestChoice().quantity(of: scores)
    return Monitor(rawValue: try study.settle(Self.measuredFact, usual.rawValue)) ?? usual
  }

  // MARK: Words

  private func tellAbout(_ number: Int) throws {
    let trials = try study.trials(in: plan.space)
    guard let trial = trials.first(where: { $0.number == number }) else { return }
    let monitor = try settledMonitor() ?? .loss
    let best = SearchResult.best(trials, monitor)
    var parts = ["trial \(number + 1)" + (plan.limit.map { "/\($0)" } ?? "")]
    switch trial.state {
    case .failed: parts.append("failed: \(trial.message ?? "")")
    default:
      parts.append("\(monitor.word) " + (trial.value.map { "\(significant($0, 5))" } ?? "-"))
      if trial.state == .pruned { parts.append("stopped after \(counted(trial.epochs, "epoch"))") }
      if let best, best.number == number {
        parts.append("(best)")
      } else if let best, let value = best.value {
        parts.append("(best \(significant(value, 5)), trial \(best.number + 1))")
      }
    }
    parts.append(SearchResult.text(trial.values, plan.space))
    if let seconds = trial.seconds { parts.append("\(significant(seconds, 3)) s") }
    tell(parts.joined(separator: "  "))
    let failures = trials.filter { $0.state == .failed }
    if failures.count >= Self.mostFailures, trials.allSatisfy({ $0.state == .failed || $0.state == .running }),
      Set(failures.map(\.message)).count == 1
    {
      throw SearchRunFault.allFail(count: failures.count, reason: trial.message ?? "")
    }
  }

  /// Removes what the trials needed, once none is left to run.
  func clear() throws {
    let trials = try study.trials(in: plan.space)
    guard plan.limit.map({ trials.count >= $0 }) ?? false,
      trials.allSatisfy({ $0.state != .running && $0.state != .waiting })
    else { return }
    try? FileManager.default.removeItem(atPath: plan.folder)
  }
}

/// Keeps a trial's claim alive while it runs.
private struct Heartbeat {
  private let task: Task<Void, Never>

  init(of claim: TrialClaim, in path: String) {
    task = Task.detached {
      while true {
        try? await Task.sleep(for: .seconds(10))
        if Task.isCancelled { return }
        // A connection of its own, since one belongs to one thread at a time. A claim that is lost shows when the trial ends.
        try? Study.beat(claim, in: path)
      }
    }
  }

  func stop() { task.cancel() }
}
