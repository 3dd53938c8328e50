import AviaryArchives
import AviaryHDF5
import Dispatch
import Synchronization

/// The checksums of a file's tensors, gathered while it is read and compared at the end, by all cores at once: on one it
/// would take as long as all the rest.
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
      throw .badTensor(path: path, tensor: tensor, reason: "its checksum is no number of 32 bits")
    }
    sums.append(Sum(tensor: tensor, bytes: bytes, stored: sum))
  }

  /// Throws for the first tensor, in the order in which they were added, whose checksum does not match.
  func run() throws(CheckpointFault) {
    // The largest first, so that no core is left with much to do at the end.
    let order = sums.indices.sorted { sums[$0].bytes.count > sums[$1].bytes.count }
    let wrong = Mutex<[Int: UInt32]>([:])
    DispatchQueue.concurrentPerform(iterations: order.count) { place in
      let sum = sums[order[place]]
      let computed = sum.bytes.crc32c()
      if computed != sum.stored { wrong.withLock { $0[order[place]] = computed } }
    }
    guard let (first, computed) = wrong.withLock({ $0.min { $0.key < $1.key } }) else { return }
    throw .checksum(path: path, tensor: sums[first].tensor, stored: sums[first].stored, computed: computed)
  }
}
