import Synchronization

/// One value that somebody waits for and somebody else finds, once.
final class Answer<Value: Sendable>: Sendable {
  typealias Outcome = Result<Value, ServingFault>

  private enum State {
    case open
    case awaited(CheckedContinuation<Outcome, Never>)
    case settled(Outcome)
  }

  private let state = Mutex(State.open)

  /// Whether nobody waits any more, or ever will.
  var isSettled: Bool { state.withLock { if case .settled = $0 { true } else { false } } }

  /// Gives the value, unless there is one already.
  func settle(_ outcome: Outcome) {
    let waiting = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
      switch state {
      case .open:
        state = .settled(outcome)
        return nil
      case .awaited(let continuation):
        state = .settled(outcome)
        return continuation
      case .settled: return nil
      }
    }
    waiting?.resume(returning: outcome)
  }

  /// The value, waited for by one task. A task that is cancelled does not wait any longer, whatever the other is at.
  func value() async throws(ServingFault) -> Value {
    let outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let known = state.withLock { state -> Outcome? in
          if case .settled(let outcome) = state { return outcome }
          state = .awaited(continuation)
          return nil
        }
        if let known { continuation.resume(returning: known) }
      }
    } onCancel: {
      settle(.failure(.cancelled))
    }
    return try outcome.get()
  }
}

/// What `body` gives, if it does so in time; else it is cancelled and `fault` is thrown.
func inTime<Value: Sendable>(
  _ deadline: ContinuousClock.Instant, else fault: ServingFault,
  _ body: @escaping @Sendable () async throws(ServingFault) -> Value
) async throws(ServingFault) -> Value {
  let outcome = await withTaskGroup(of: Result<Value, ServingFault>?.self) { group in
    group.addTask {
      do throws(ServingFault) { return .success(try await body()) } catch { return .failure(error) }
    }
    group.addTask {
      try? await Task.sleep(until: deadline, clock: .continuous)
      return nil
    }
    // Whichever comes first; the other is cancelled, and ends at once.
    let first = await group.next()
    group.cancelAll()
    return first ?? nil
  }
  guard let outcome else { throw fault }
  return try outcome.get()
}
