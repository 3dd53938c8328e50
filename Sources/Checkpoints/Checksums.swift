import AviaryArchives
import AviaryHDF5
import Dispatch
import Synchronization

/// Checksums of many tensors on all cores: on one core they would take as long as the rest of loading.
enum Checksums {
  static func crc32c(of regions: [ByteRegion]) -> [UInt32] {
    // The largest first, so that no core is left with much to do at the end.
    let order = regions.indices.filter { !regions[$0].isDeferred }.sorted { regions[$0].count > regions[$1].count }
    var first = [UInt32](repeating: 0, count: regions.count)
    // One at a time is in memory of those that are unpacked for it.
    for index in regions.indices where regions[index].isDeferred { first[index] = regions[index].crc32c() }
    let sums = Mutex(first)
    DispatchQueue.concurrentPerform(iterations: order.count) { place in
      let sum = regions[order[place]].crc32c()
      sums.withLock { $0[order[place]] = sum }
    }
    return sums.withLock { $0 }
  }
}

/// The checksums of a file's tensors, collected while the file is read and verified at the end.
struct ChecksumVerification {
  private struct Sum {
    let tensor: String
    let bytes: ByteRegion
    let stored: UInt32
  }

  private let path: String
  private var sums: [Sum] = []

  init(path: String) { self.path = path }

  /// - Parameter stored: the attribute that holds the checksum.
  mutating func add(_ tensor: String, _ bytes: ByteRegion, stored: HDF5Value?) throws(CheckpointFault) {
    guard let stored else {
      throw .badTensor(path: path, tensor: tensor, reason: "it has no checksum; read it with --no-verify")
    }
    guard let sum = stored.integer.flatMap({ UInt32(exactly: $0) }) else {
      throw .badTensor(path: path, tensor: tensor, reason: "its checksum is not a 32-bit integer")
    }
    sums.append(Sum(tensor: tensor, bytes: bytes, stored: sum))
  }

  /// Throws for the first tensor, in the order in which they were added, whose checksum does not match.
  func run() throws(CheckpointFault) {
    let computed = Checksums.crc32c(of: sums.map(\.bytes))
    guard let first = sums.indices.first(where: { sums[$0].stored != computed[$0] }) else { return }
    throw .checksum(path: path, tensor: sums[first].tensor, stored: sums[first].stored, computed: computed[first])
  }
}
