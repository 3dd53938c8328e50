import AviaryDatasets

/// Processes that train one model together, each on a part of every batch.
///
/// All of them call the same functions in the same order. A process that waits in vain for another ends the program, since
/// nothing can go on: see the group's own documentation. `AviaryMPI` has the group of an MPI job.
public protocol ProcessGroup: AnyObject, Sendable {
  /// Which process this is, from 0. Process 0 writes files and reports.
  var rank: Int { get }
  /// How many there are.
  var count: Int { get }

  /// Begins to add up arrays of equal lengths, while the caller goes on. The sum is the same in every process and in every
  /// run, bit for bit: the addends are added in the order of the ranks.
  func beginSum(_ values: [Float]) -> any GroupSum
  /// The numbers of every process, by rank: as many of each.
  func gather(_ values: [Double]) -> [[Double]]
  /// Bytes of every process, by rank, however many.
  ///
  /// - Parameter isPatient: whether others may take their time: they check files, or write them.
  func gather(_ bytes: [UInt8], isPatient: Bool) -> [[UInt8]]
}

/// A sum under way.
public protocol GroupSum {
  /// Waits for the sum.
  func wait() -> [Float]
}

extension ProcessGroup {
  /// Whether this process writes files and reports.
  public var isWriter: Bool { rank == 0 }

  /// Sums over the processes, added in the order of the ranks.
  public func sum(_ values: [Double]) -> [Double] {
    gather(values).reduce(Array(repeating: 0, count: values.count)) { sum, addend in zip(sum, addend).map(+) }
  }

  /// Waits until every process has come here, however long that takes.
  public func meet() { _ = gather([], isPatient: true) }

  /// What process 0 has.
  func first(_ bytes: () throws -> [UInt8]) rethrows -> [UInt8] {
    gather(isWriter ? try bytes() : [], isPatient: false)[0]
  }
}

/// How several processes train a model; recorded with its run, because a run resumes exactly with as many.
public struct ProcessOptions: Codable, Equatable, Sendable {
  /// How many processes.
  public var count: Int
  /// Whether batch normalisation normalises by the whole batch (PyTorch's `SyncBatchNorm`), and not each process by its part.
  public var synchronizesStatistics: Bool

  /// Options of a run by so many processes.
  public init(count: Int, synchronizesStatistics: Bool = false) {
    self.count = count
    self.synchronizesStatistics = synchronizesStatistics
  }
}

/// This process's place among those that train together, as tasks see it.
public struct ProcessPlace {
  /// All of them.
  public let group: any ProcessGroup
  /// Whether the batches are normalised together.
  public let synchronizesStatistics: Bool

  /// The share of batches that a task prepares.
  ///
  /// - Parameter learnsFromStatistics: whether a process can learn nothing from a single item.
  public func share(learnsFromStatistics: Bool) -> BatchShare {
    BatchShare(
      rank: group.rank, of: group.count, least: learnsFromStatistics && !synchronizesStatistics ? 2 : 1)
  }
}
