import Synchronization

/// Requests that wait for a model, which are answered together.
///
/// While one batch is computed the next gathers. A batch that is not full waits a little for others, unless it has waited
/// for its turn already.
package final class BatchQueue<Input: Sendable, Output: Sendable>: Sendable {
  package struct Limits: Sendable {
    /// How many rows are computed at once.
    package var batch: Int
    /// How long a batch that is not full waits for others.
    package var delay: Duration
    /// How many requests may wait.
    package var capacity: Int

    package init(batch: Int, delay: Duration, capacity: Int) {
      self.batch = batch
      self.delay = delay
      self.capacity = capacity
    }
  }

  private struct Entry: Sendable {
    let input: Input
    let rows: Int
    let arrival: ContinuousClock.Instant
    let answer: Answer<Output>
  }

  private struct State {
    var waiting: [Entry] = []
    var isDraining = false
    /// What waits for others to come.
    var pause: Task<Void, Never>?

    var rows: Int { waiting.reduce(0) { $0 + $1.rows } }
  }

  private let limits: Limits
  private let run: @Sendable ([Input]) async -> [Result<Output, ServingFault>]
  private let state = Mutex(State())

  /// - Parameter run: gives an answer for each input of a batch.
  package init(_ limits: Limits, run: @escaping @Sendable ([Input]) async -> [Result<Output, ServingFault>]) {
    self.limits = limits
    self.run = run
  }

  /// The number of requests that wait.
  package var length: Int { state.withLock { $0.waiting.count { !$0.answer.isSettled } } }

  /// The answer to an input. A task that is cancelled does not wait, and leaves its place to others.
  ///
  /// - Parameter rows: how many rows the input has, at least 1; more than a batch has are computed by themselves.
  package func submit(_ input: Input, rows: Int = 1) async throws(ServingFault) -> Output {
    let entry = Entry(input: input, rows: rows, arrival: .now, answer: Answer())
    let place = state.withLock { state -> (isTaken: Bool, begins: Bool, pause: Task<Void, Never>?) in
      if state.waiting.count >= limits.capacity {
        state.waiting.removeAll(where: \.answer.isSettled)
        if state.waiting.count >= limits.capacity { return (false, false, nil) }
      }
      state.waiting.append(entry)
      let begins = !state.isDraining
      state.isDraining = true
      return (true, begins, state.rows >= limits.batch ? state.pause : nil)
    }
    guard place.isTaken else { throw .busy("\(limits.capacity) requests wait for the model already") }
    place.pause?.cancel()
    if place.begins { Task { await drain() } }
    return try await entry.answer.value()
  }

  /// Answers batch by batch until nobody waits.
  private func drain() async {
    while true {
      let first = state.withLock { state -> ContinuousClock.Instant? in
        state.waiting.removeAll(where: \.answer.isSettled)
        state.isDraining = !state.waiting.isEmpty
        return state.waiting.first?.arrival
      }
      guard let first else { return }
      await pause(until: first + limits.delay)
      let batch = state.withLock { Self.next(&$0.waiting, limits.batch) }
      if batch.isEmpty { continue }
      let outcomes = await run(batch.map(\.input))
      for (entry, outcome) in zip(batch, outcomes) { entry.answer.settle(outcome) }
      // An answer that `run` owes.
      for entry in batch.dropFirst(outcomes.count) { entry.answer.settle(.failure(.failed("the batch has no answer"))) }
    }
  }

  /// Waits for a full batch, but not longer than that.
  private func pause(until end: ContinuousClock.Instant) async {
    guard end > .now else { return }
    let sleep = Task { _ = try? await Task.sleep(until: end, clock: .continuous) }
    let isFull = state.withLock { state in
      state.pause = sleep
      return state.rows >= limits.batch
    }
    if isFull { sleep.cancel() }
    await sleep.value
    state.withLock { $0.pause = nil }
  }

  /// Takes the entries of the next batch: at least one, and no more rows than a batch has.
  private static func next(_ waiting: inout [Entry], _ limit: Int) -> [Entry] {
    waiting.removeAll(where: \.answer.isSettled)
    var rows = 0
    let count = waiting.prefix { entry in
      defer { rows += entry.rows }
      return rows == 0 || rows + entry.rows <= limit
    }.count
    defer { waiting.removeFirst(count) }
    return Array(waiting.prefix(count))
  }
}
