import Dispatch
import Synchronization

/// Threads for work that would hold up others: decoding, parsing, preparing. They are as many as there are processors, and
/// what they work on at once weighs no more than is allowed.
package final class WorkerPool: Sendable {
  private struct Job: Sendable {
    let weight: Int
    let run: @Sendable () -> Void
  }

  private struct State {
    var waiting: [Job] = []
    var running = 0
    var weight = 0
  }

  private let workers: Int
  private let capacity: Int
  private let mostWeight: Int
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "aviary.serve.workers", qos: .userInitiated, attributes: .concurrent)

  /// - Parameters:
  ///   - capacity: how many jobs may wait.
  ///   - mostWeight: how much the jobs that run may weigh together.
  package init(workers: Int, capacity: Int, mostWeight: Int) {
    self.workers = max(1, workers)
    self.capacity = capacity
    self.mostWeight = mostWeight
  }

  /// The number of jobs that wait.
  package var length: Int { state.withLock { $0.waiting.count } }

  /// What `work` gives, on one of the threads. A caller that is cancelled does not wait; work that has not begun by then is
  /// not done.
  ///
  /// - Parameter weight: at most `mostWeight`.
  package func run<Value: Sendable>(
    weight: Int = 0, _ work: @escaping @Sendable () throws(ServingFault) -> Value
  ) async throws(ServingFault) -> Value {
    let answer = Answer<Value>()
    let job = Job(weight: min(weight, mostWeight)) {
      if answer.isSettled { return }
      do throws(ServingFault) { answer.settle(.success(try work())) } catch { answer.settle(.failure(error)) }
    }
    let isTaken = state.withLock { state in
      guard state.waiting.count < capacity else { return false }
      state.waiting.append(job)
      return true
    }
    guard isTaken else { throw .busy("too many bodies wait to be read") }
    begin()
    return try await answer.value()
  }

  /// Begins what may begin: in the order of arrival, so that a heavy job is not overtaken for ever.
  private func begin() {
    let ready = state.withLock { state in
      var ready: [Job] = []
      while state.running < workers, let first = state.waiting.first, state.weight + first.weight <= mostWeight {
        state.waiting.removeFirst()
        state.running += 1
        state.weight += first.weight
        ready.append(first)
      }
      return ready
    }
    for job in ready {
      queue.async {
        job.run()
        self.state.withLock { state in
          state.running -= 1
          state.weight -= job.weight
        }
        self.begin()
      }
    }
  }
}
