import AviaryArchives

extension Checkpoint {
  /// How a file is read.
  public struct ReadOptions: Sendable {
    /// Memory-map a local file; otherwise it is copied.
    public var map = true
    /// Verify the checksum of every tensor, where the file has them.
    public var verify = true
    /// Also read what is not an array of numbers, to see whether it can be read.
    public var readsEverything = false
    /// The entry of a PyTorch training checkpoint that the weights are taken from; nil for the likeliest, averages over
    /// training steps first.
    public var weightsKey: String?
    /// Give the weights that a layer computes with for the tensors that it computes them from: those of PyTorch's weight
    /// normalization, spectral normalization and pruning. `Checkpoint.notes` says so.
    public var effectiveWeights = true
    /// Follow external links of HDF5 files to files in the same folder or below it.
    public var follow = false
    /// When compressed tensors, and others whose bytes are not stored as they are, are unpacked.
    public var unpacking = Unpacking.now()

    /// Options; those that are left out have their defaults.
    public init(
      map: Bool = true, verify: Bool = true, readsEverything: Bool = false, weightsKey: String? = nil,
      follow: Bool = false, unpacking: Unpacking = .now(), effectiveWeights: Bool = true
    ) {
      self.effectiveWeights = effectiveWeights
      self.follow = follow
      self.weightsKey = weightsKey
      self.map = map
      self.verify = verify
      self.readsEverything = readsEverything
      self.unpacking = unpacking
    }

    var access: MappedFile.Access {
      if case .never = unpacking { return .pieces }
      return map ? .mapped : .copied
    }

    var isListing: Bool {
      if case .now = unpacking { false } else { true }
    }
  }

  /// When tensors are unpacked.
  public enum Unpacking: Sendable {
    /// When the file is read. Those that would take more than `keeping` bytes together, or more than the size of the file
    /// justifies, are checked, and unpacked again whenever their bytes are asked for.
    case now(keeping: Int = .max)
    /// When their bytes are asked for. The caller asks `StoredArray.check()` first.
    case whenUsed
    /// When `Checkpoint.check()` reads them one at a time. The file itself is neither mapped nor copied, but read in pieces,
    /// so that a file larger than the memory can be checked.
    case never
  }

  /// Reads every tensor and keeps none of its bytes.
  ///
  /// - Throws: the first fault; also where the file could not be read, or became shorter, in the meantime.
  public func check() throws(CheckpointFault) {
    var fault: CheckpointFault?
    for entry in entries where fault == nil {
      do throws(CheckpointFault) { try entry.array.check() } catch { fault = error }
    }
    // Zeros stand for what could not be read, and may look like damage.
    for file in files { try archived { () throws(ArchiveFault) in try file.requireIntact() } }
    if let fault { throw fault }
  }
}
