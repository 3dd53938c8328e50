import AviaryHDF5
import CHDF5

/// What the chunks of a dataset pass through when they are written. Every HDF5 library reads these filters.
public struct HDF5Filters: Sendable, Equatable {
  /// Stores all first bytes of a chunk's numbers, then all second bytes …: bytes that resemble one another, which deflate
  /// packs better.
  public let shuffle: Bool
  /// The level of deflate (gzip), from 0, which packs nothing, to 9, the slowest; `nil` for no deflate.
  public let deflate: Int?

  /// Filters; deflate has levels from 0 to 9, nil for none.
  public init(shuffle: Bool = false, deflate: Int? = nil) {
    self.shuffle = shuffle
    self.deflate = deflate
  }

  /// Bytes as they are.
  public static let none = HDF5Filters()

  /// Shuffle and deflate, for numbers.
  public static func deflate(_ level: Int = 6) -> HDF5Filters { HDF5Filters(shuffle: true, deflate: level) }

  func check(path: String, object: String) throws(HDF5Fault) {
    guard let deflate, !(0...9).contains(deflate) else { return }
    throw .cannotWrite(path: path, object: object, reason: "the level of deflate is \(deflate); it goes from 0 to 9")
  }

  /// About how many bytes a chunk has where nothing else is asked for.
  static let chunkBytes = 1 << 16

  /// Chunks of whole rows, as many as fit into `chunkBytes`; where a row is larger, parts of a row.
  static func chunk(of shape: [Int], elementSize: Int) -> [Int] {
    var chunk = shape
    for axis in shape.indices {
      let below = chunk[(axis + 1)...].reduce(max(1, elementSize), *)
      chunk[axis] = min(shape[axis], max(1, chunkBytes / below))
      if below <= chunkBytes { break }
    }
    return chunk
  }

  /// Properties for the creation of a dataset, which the caller closes: without the time, so that the same content makes
  /// the same file, and in chunks of `chunk` if given. Negative where libhdf5 refuses.
  func properties(chunk: [Int]?) -> hid_t {
    let creation = H5Pcreate(aviary_h5_dataset_create())
    guard creation >= 0 else { return creation }
    var isSet = H5Pset_obj_track_times(creation, false) >= 0
    if let chunk {
      let extents = chunk.map { hsize_t($0) }
      isSet = unsafe isSet && H5Pset_chunk(creation, Int32(extents.count), extents) >= 0
      if shuffle { isSet = isSet && H5Pset_shuffle(creation) >= 0 }
      if let deflate { isSet = isSet && H5Pset_deflate(creation, UInt32(deflate)) >= 0 }
    }
    if isSet { return creation }
    H5Pclose(creation)
    return -1
  }
}
