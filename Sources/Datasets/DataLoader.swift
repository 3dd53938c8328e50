import AviaryArchives
import AviaryDiagnostics
import AviaryKernels

/// The batches of one epoch, in order, their items prepared ahead of time by threads of their own.
///
/// What is in a batch depends on the dataset, the seed, the epoch and the number of the batch, and on nothing else: not on
/// the number of workers, and not on where the epoch was entered.
///
/// ```swift
/// for batch in DataLoader(recordings, batchSize: 32, seed: 1, shuffled: true, epoch: epoch, workers: 4) {
///   print(batch.inputs.shape)
/// }
/// ```
public final class DataLoader<Data: Dataset>: Sequence, IteratorProtocol {
  private let data: Data
  private let epoch: Int
  private let batchSize: Int
  /// The items in the order of the epoch.
  private let order: [Draw]
  private let share: BatchShare
  /// nil prepares items where a batch is asked for.
  private let queue: PrefetchQueue<[Result<Data.Item, any Error>]>?
  private var nextBatch: Int
  private var isStopped = false
  /// The number of batches of the whole epoch.
  public let count: Int
  /// Why the batches ended early; nil where they did not.
  public private(set) var failure: (any Error)?

  /// An item that is due.
  private struct Draw {
    let place: Int
    /// How many times it came before in the epoch.
    var number = 0
  }

  /// The places of items that may come several times.
  private static func draws(_ places: [Int]) -> [Draw] {
    var counts: [Int: Int] = [:]
    return places.map { place in
      defer { counts[place, default: 0] += 1 }
      return Draw(place: place, number: counts[place] ?? 0)
    }
  }

  /// - Parameters:
  ///   - seed: of the order.
  ///   - shuffled: whether the order is random; otherwise that of the dataset.
  ///   - epoch: counted from 0; each has an order of its own.
  ///   - startingAt: the number of the first batch, to continue within an epoch.
  ///   - workers: the threads that prepare items; 0 prepares them when a batch is asked for, which is best for data that
  ///     are in memory.
  ///   - dropLast: whether a last batch that is not full is left out.
  ///   - purpose: keys the order beside the seed, so that different orders of one seed have nothing in common.
  ///   - order: the places of the items of the epoch, any of which may come several times; nil for each once, as `shuffled`
  ///     says.
  ///   - share: what is prepared of each batch. Where that is nothing, the batch's first item stands in for it: see
  ///     `ownCount(ofBatch:)`.
  /// - Precondition: the batch size is positive, and no number is negative.
  public init(
    _ data: Data, batchSize: Int, seed: UInt64 = 0, shuffled: Bool = false, epoch: Int = 0,
    startingAt firstBatch: Int = 0, workers: Int = 0, dropLast: Bool = false, purpose: String = "data order",
    order given: [Int]? = nil, share: BatchShare = .whole
  ) {
    ensure(
      batchSize > 0 && workers >= 0 && firstBatch >= 0 && epoch >= 0,
      "DataLoader: batch size \(batchSize), \(workers) workers, epoch \(epoch), first batch \(firstBatch)")
    self.data = data
    self.epoch = epoch
    self.batchSize = batchSize
    var random = RandomStream(seed: seed, purpose: purpose, step: UInt64(epoch))
    let order =
      given.map(Self.draws)
      ?? (shuffled ? random.permutation(data.count) : Array(0..<data.count)).map { Draw(place: $0) }
    self.order = order
    self.share = share
    let count = dropLast ? order.count / batchSize : (order.count + batchSize - 1) / batchSize
    self.count = count
    nextBatch = Swift.min(firstBatch, count)
    guard workers > 0 else {
      queue = nil
      return
    }
    let chunks = (nextBatch..<count).flatMap { Self.chunks(ofBatch: $0, batchSize, order.count, share) }
    let perBatch = (batchSize + Self.chunkSize - 1) / Self.chunkSize
    queue = PrefetchQueue(tasks: chunks, workers: workers, capacity: 2 * Swift.max(perBatch, workers)) { positions in
      CurrentWork.named("batch \(positions.lowerBound / batchSize + 1)") { Self.items(data, order[positions], epoch) }
    }
  }

  /// Small enough that all workers share the first batch, large enough that handing over costs nothing.
  private static var chunkSize: Int { 4 }

  /// The number of the batch's items that are this process's; 0 where what comes for it stands in for none.
  public func ownCount(ofBatch number: Int) -> Int {
    share.part(of: number * batchSize..<Swift.min((number + 1) * batchSize, order.count)).count
  }

  /// Ranges of positions in the order, each of which a worker prepares at a time.
  private static func chunks(
    ofBatch number: Int, _ batchSize: Int, _ count: Int, _ share: BatchShare
  ) -> [Range<Int>] {
    let batch = number * batchSize..<Swift.min((number + 1) * batchSize, count)
    let own = share.part(of: batch)
    let part = own.isEmpty ? batch.prefix(1) : own
    return stride(from: part.lowerBound, to: part.upperBound, by: chunkSize).map {
      $0..<Swift.min($0 + chunkSize, part.upperBound)
    }
  }

  private static func items(
    _ data: Data, _ draws: ArraySlice<Draw>, _ epoch: Int
  ) -> [Result<Data.Item, any Error>] {
    draws.map { draw in Result { try data.item(at: draw.place, epoch: epoch, draw: draw.number) } }
  }

  /// The next batch, when it is ready; nil at the end of the epoch, and where an item cannot be had: see `failure`.
  public func next() -> Data.Batch? {
    guard !isStopped, nextBatch < count else { return nil }
    defer { nextBatch += 1 }
    do {
      let chunks = Self.chunks(ofBatch: nextBatch, batchSize, order.count, share)
      let results = queue.map { queue in chunks.compactMap { _ in queue.next() }.flatMap { $0 } }
      let items = try (results ?? chunks.flatMap { Self.items(data, order[$0], epoch) }).map { try $0.get() }
      return try CurrentWork.named("batch \(nextBatch + 1)") { try data.batch(of: items) }
    } catch {
      failure = error
      stop()
      return nil
    }
  }

  /// Throws what ended the batches early, if anything did.
  public func check() throws {
    if let failure { throw failure }
  }

  /// Ends the batches and the workers; what they are preparing is discarded. Letting go of the loader does the same.
  public func stop() {
    isStopped = true
    queue?.stop()
  }

  deinit { queue?.stop() }
}
