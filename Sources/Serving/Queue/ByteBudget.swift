import Synchronization

/// How many bytes the bodies of all requests may take together.
package final class ByteBudget: Sendable {
  private let limit: Int
  private let used = Mutex(0)

  package init(limit: Int) { self.limit = limit }

  package var usedBytes: Int { used.withLock { $0 } }

  /// A part of the budget, which goes back when nobody holds it.
  package final class Share: Sendable {
    private let budget: ByteBudget
    private let count = Mutex(0)

    fileprivate init(_ budget: ByteBudget) { self.budget = budget }

    /// Takes more.
    package func grow(by bytes: Int) throws(ServingFault) {
      let isTaken = budget.used.withLock { used in
        guard bytes <= budget.limit - used else { return false }
        used += bytes
        return true
      }
      guard isTaken else { throw .busy("the bodies of other requests fill the memory") }
      count.withLock { $0 += bytes }
    }

    deinit {
      let bytes = count.withLock { $0 }
      budget.used.withLock { $0 -= bytes }
    }
  }

  package func share() -> Share { Share(self) }
}
