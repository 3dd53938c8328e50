import AviaryArchives
import AviaryHDF5

/// Writing HDF5 files that every tool reads.
public enum HDF5Writer {
  /// Writes `items` as the file at `path`, durably: `path` holds the old file or the whole new one.
  ///
  /// Groups on the way to an item are made. Datasets are contiguous, in the order given, each at a multiple of 64
  /// bytes, so that a mapped file's memory can be used in place; all else lies before them. The file is in the earliest
  /// form of the format.
  public static func write(_ items: [HDF5Item], to path: String) throws(HDF5Fault) {
    let parts = try HDF5Skeleton(of: items, path: path).filled(items, path: path)
    do throws(ArchiveFault) { try writeDurably(parts, to: path) } catch { throw .archive(error) }
  }
}

extension HDF5Skeleton {
  /// Where a superblock of version 0 has the end of the file (specification II.A).
  private static let endOfFile = 40
  private static let alignment = 64

  /// The whole file in pieces: the structure, with the places of the datasets filled in, and the datasets' bytes.
  func filled(_ items: [HDF5Item], path: String) throws(HDF5Fault) -> [ByteRegion] {
    var image = image
    var parts: [ByteRegion] = []
    var end = image.count
    func unexpected(_ object: String) -> HDF5Fault {
      .cannotWrite(path: path, object: object, reason: "libhdf5 has laid it out in an unknown way")
    }
    // Version 0, offsets and lengths of eight bytes.
    guard image.count > 96, image[8] == 0, image[13] == 8, image[14] == 8 else { throw unexpected("the file") }
    let structure = ByteRegion(image)
    for item in items {
      guard case .dataset(_, _, let bytes) = item.content, bytes.count > 0 else { continue }
      guard let header = headers[item.path],
        let place = ContiguousStorage.addressField(ofDatasetAt: header, size: bytes.count, in: structure)
      else { throw unexpected(item.path) }
      let padding = (Self.alignment - end % Self.alignment) % Self.alignment
      parts += [ByteRegion([UInt8](repeating: 0, count: padding)), bytes]
      Self.put(end + padding, at: place, &image)
      end += padding + bytes.count
    }
    Self.put(end, at: Self.endOfFile, &image)
    return [ByteRegion(image)] + parts
  }

  private static func put(_ value: Int, at place: Int, _ image: inout [UInt8]) {
    for byte in 0..<8 { image[place + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
  }
}
