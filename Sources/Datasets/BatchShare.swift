import AviaryDiagnostics

/// What one of several processes prepares of each batch that they share.
public struct BatchShare: Equatable, Sendable {
  /// Which process this is, of how many.
  public let rank: Int
  /// How many share each batch.
  public let count: Int
  /// The fewest items that a process has, unless it has none: batch normalisation learns nothing from one item.
  public let least: Int

  /// Everything: there is one process.
  public static let whole = BatchShare(rank: 0, of: 1)

  /// The share of one process.
  public init(rank: Int, of count: Int, least: Int = 1) {
    ensure(count >= 1 && least >= 1 && (0..<count).contains(rank), "BatchShare: process \(rank) of \(count)")
    self.rank = rank
    self.count = count
    self.least = least
  }

  /// This process's part of a batch: what all have, one after the other, is the batch in its order, and no two differ by more
  /// than one item. Of a batch with too few items for all, the last processes have none.
  public func part(of batch: Range<Int>) -> Range<Int> {
    let active = min(count, max(1, batch.count / least))
    guard rank < active else { return batch.upperBound..<batch.upperBound }
    func start(_ rank: Int) -> Int { batch.lowerBound + batch.count * rank / active }
    return start(rank)..<start(rank + 1)
  }
}
