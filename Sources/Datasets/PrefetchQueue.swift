import Dispatch
import Synchronization

/// Runs tasks on threads of its own ahead of who takes the results, in order, with a bound on how far ahead.
final class PrefetchQueue<Value: Sendable>: Sendable {
  private enum Answer {
    case result(Value)
    case end, wait
  }

  private struct State {
    /// The next task that no worker has taken.
    var unclaimed = 0
    /// The next task whose result is handed out.
    var due = 0
    var results: [Int: Value] = [:]
    var isStopped = false
  }

  private let tasks: [Range<Int>]
  private let work: @Sendable (Range<Int>) -> Value
  private let state = Mutex(State())
  /// Counts results that may be kept besides those already there.
  private let slots = DispatchSemaphore(value: 0)
  /// Signalled once a result.
  private let finished = DispatchSemaphore(value: 0)
  private let workers: Int

  init(
    tasks: [Range<Int>], workers: Int, capacity: Int, work: @escaping @Sendable (Range<Int>) -> Value
  ) {
    self.tasks = tasks
    self.work = work
    self.workers = min(workers, tasks.count)
    for _ in 0..<capacity { slots.signal() }
    for number in 0..<self.workers {
      // A serial queue that is kept busy has a thread to itself.
      DispatchQueue(label: "aviary.data.\(number)", qos: .userInitiated).async { self.run() }
    }
  }

  private func run() {
    while true {
      slots.wait()
      let task: Int? = state.withLock { state in
        guard !state.isStopped, state.unclaimed < tasks.count else { return nil }
        defer { state.unclaimed += 1 }
        return state.unclaimed
      }
      guard let task else {
        // The others wait on the same count.
        slots.signal()
        return
      }
      let result = work(tasks[task])
      state.withLock { $0.results[task] = $0.isStopped ? nil : result }
      finished.signal()
    }
  }

  /// The next result, waited for; nil after the last, and after a stop.
  func next() -> Value? {
    while true {
      let answer: Answer = state.withLock { state in
        guard !state.isStopped, state.due < tasks.count else { return .end }
        guard let result = state.results.removeValue(forKey: state.due) else { return .wait }
        state.due += 1
        return .result(result)
      }
      switch answer {
      case .result(let value):
        slots.signal()
        return value
      case .end: return nil
      case .wait: finished.wait()
      }
    }
  }

  /// Ends the workers after what they are at.
  func stop() {
    state.withLock { state in
      state.isStopped = true
      state.results = [:]
    }
    slots.signal()
    finished.signal()
  }
}
