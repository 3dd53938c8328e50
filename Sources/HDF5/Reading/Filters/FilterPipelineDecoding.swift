import AviaryArchives

extension FilterPipeline {
  /// The filters that the HDF5 library registers, and h5py's.
  private enum Known: Int {
    case deflate = 1
    case shuffle = 2
    case fletcher32 = 3
    case szip = 4
    case nbit = 5
    case scaleOffset = 6
    case lzf = 32000
  }

  /// Whether every filter can be undone.
  func check() throws(Flaw) {
    for filter in filters {
      switch Known(rawValue: filter.id) {
      case .szip: throw .unsupported("compression by szip")
      case nil:
        let name = filter.name.isEmpty ? "" : " (\(filter.name))"
        throw .unsupported("compression by filter \(filter.id)\(name)")
      default: break
      }
    }
  }

  /// Undoes the filters, last one first, but those whose bit in `mask` says that they were left out. A chunk has `size`
  /// bytes before them.
  func decoded(_ stored: ByteRegion, mask: UInt32, size: Int) throws(Flaw) -> ByteRegion {
    let applied = filters.enumerated().filter { mask >> UInt32($0.offset) & 1 == 0 }.map(\.element)
    // What each filter was given; nothing is known behind one that compresses.
    var inputs: [Int?] = []
    var known: Int? = size
    for filter in applied {
      inputs.append(known)
      switch Known(rawValue: filter.id) {
      case .shuffle: break
      case .fletcher32: known = known.map { $0 + 4 }
      default: known = nil
      }
    }
    var bytes = stored
    for (filter, input) in zip(applied, inputs).reversed() {
      bytes = try Self.undo(filter, bytes, input, most: size + size / 8 + 1024)
    }
    guard bytes.count == size else { throw .damage("a chunk unpacks to \(bytes.count) bytes instead of \(size)") }
    return bytes
  }

  /// `size`: bytes that the filter was given; `most`: where that is unknown, no more than this.
  private static func undo(_ filter: Filter, _ bytes: ByteRegion, _ size: Int?, most: Int) throws(Flaw) -> ByteRegion {
    switch Known(rawValue: filter.id) {
    case .deflate:
      do throws(ArchiveFault) {
        if let size { return try bytes.inflated(to: size, wrapping: .zlib, path: "", part: "a chunk") }
        return try bytes.inflated(atMost: most, wrapping: .zlib, path: "", part: "a chunk")
      } catch .malformed(_, _, let reason) {
        throw .damage("a chunk: \(reason)")
      } catch {
        throw .damage("a chunk: \(error)")
      }
    case .shuffle: return try Shuffle.undo(bytes, elementSize: Int(filter.parameters.first ?? 0))
    case .fletcher32: return try Fletcher32.checked(bytes)
    case .lzf:
      let recorded = filter.parameters.count > 2 ? Int(filter.parameters[2]) : 0
      let target = size ?? recorded
      guard target <= most else { throw .damage("a chunk unpacks to more than its size") }
      return try LZF.decompressed(bytes, size: target)
    case .nbit: return try NBit.decompressed(bytes, filter.parameters, most: most)
    case .scaleOffset: return try ScaleOffset.decompressed(bytes, filter.parameters, most: most)
    case .szip, nil: throw .unsupported("compression by filter \(filter.id)")
    }
  }
}
