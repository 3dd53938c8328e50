import Foundation
import Synchronization

@testable import AviaryTraining

/// Processes that are threads of this one, for tests.
final class ThreadGroup: ProcessGroup {
  /// Where they meet.
  private final class Hub: Sendable {
    private let posts = Mutex<[Int: [Int: [Double]]]>([:])
    private let count: Int

    init(count: Int) { self.count = count }

    func post(_ values: [Double], number: Int, rank: Int) {
      posts.withLock { $0[number, default: [:]][rank] = values }
    }

    func all(_ number: Int) -> [[Double]] {
      while true {
        if let found = posts.withLock({ $0[number] }), found.count == count {
          return (0..<count).map { found[$0] ?? [] }
        }
        usleep(200)
      }
    }
  }

  private struct Sum: GroupSum {
    let hub: Hub
    let number: Int

    func wait() -> [Float] {
      let all = hub.all(number).map { $0.map { Float($0) } }
      return all.dropFirst().reduce(all[0]) { zip($0, $1).map(+) }
    }
  }

  let rank: Int
  let count: Int
  private let hub: Hub
  private let number = Mutex(0)
  /// How many sums were begun.
  var sums: Int { begun.withLock { $0 } }
  private let begun = Mutex(0)

  private init(rank: Int, of count: Int, _ hub: Hub) { (self.rank, self.count, self.hub) = (rank, count, hub) }

  private func post(_ values: [Double]) -> Int {
    let own = number.withLock { number in
      number += 1
      return number
    }
    hub.post(values, number: own, rank: rank)
    return own
  }

  func beginSum(_ values: [Float]) -> any GroupSum {
    begun.withLock { $0 += 1 }
    return Sum(hub: hub, number: post(values.map(Double.init)))
  }

  func gather(_ values: [Double]) -> [[Double]] { hub.all(post(values)) }

  func gather(_ bytes: [UInt8], isPatient: Bool) -> [[UInt8]] {
    hub.all(post(bytes.map(Double.init))).map { $0.map { UInt8($0) } }
  }

  /// What `body` returns in each of so many.
  static func run<Result: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (ThreadGroup) throws -> Result
  ) throws -> [Result] {
    let hub = Hub(count: count)
    let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
    let end = DispatchGroup()
    for rank in 0..<count {
      end.enter()
      Thread.detachNewThread {
        let result = Swift.Result { try body(ThreadGroup(rank: rank, of: count, hub)) }
        results.withLock { $0[rank] = result }
        end.leave()
      }
    }
    end.wait()
    return try results.withLock { found in try (0..<count).map { try found[$0]!.get() } }
  }
}
