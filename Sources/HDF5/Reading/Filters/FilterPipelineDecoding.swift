import AviaryArchives

extension FilterPipeline {
  /// Undoes the filters of a dataset's chunks.
  struct Decoder {
    private let filters: [Filter]
    private let libraries: FilterLibraries
    private var zstandard: Zstandard?
    private var szip: Szip?
    private var blosc2: Blosc2?

    /// Throws where a filter cannot be undone, or its library is not installed.
    init(_ pipeline: FilterPipeline, _ libraries: FilterLibraries) throws(Flaw) {
      filters = pipeline.filters
      self.libraries = libraries
      for filter in filters {
        switch Known(rawValue: filter.id) {
        case .bitshuffle: if try Bitshuffle.codec(filter.parameters) == .zstandard { _ = try inner("bitshuffle") }
        case .blosc: if filter.parameters.count > 6, filter.parameters[6] == 5 { _ = try inner("Blosc") }
        case .zstandard:
          zstandard = try Self.library("Zstandard") { () throws(LibraryFault) in try Zstandard(libraries.zstandard) }
        case .szip: szip = try Self.library("szip") { () throws(LibraryFault) in try Szip(libraries.szip) }
        case .blosc2: blosc2 = try Self.library("Blosc2") { () throws(LibraryFault) in try Blosc2(libraries.blosc2) }
        case nil: throw .unsupported("compression by \(filter.title)")
        default: break
        }
      }
    }

    /// Zstandard within another filter's format.
    private func inner(_ filter: String) throws(Flaw) -> Zstandard {
      try Self.library("\(filter) with Zstandard") { () throws(LibraryFault) in try Zstandard(libraries.zstandard) }
    }

    private static func library<Codec>(
      _ filter: String, _ open: () throws(LibraryFault) -> Codec
    ) throws(Flaw) -> Codec {
      do { return try open() } catch { throw .missingLibrary(feature: "compression by \(filter)", error) }
    }

    /// Undoes the filters, last one first, but those whose bit in `mask` says that they were skipped. A chunk has `size`
    /// bytes before them.
    func decoded(_ stored: ByteRegion, mask: UInt32, size: Int) throws(Flaw) -> ByteRegion {
      let applied = filters.enumerated().filter { mask >> UInt32($0.offset) & 1 == 0 }.map(\.element)
      // Told before anything is allocated.
      if let most = Self.most(stored.count, applied), most < size {
        throw .damage("a chunk of \(size) bytes cannot be packed into \(stored.count)")
      }
      // The size of each filter's input; unknown after a filter that compresses.
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
        bytes = try undo(filter, bytes, input, most: size + size / 8 + 1024)
      }
      guard bytes.count == size else { throw .damage("a chunk unpacks to \(bytes.count) bytes instead of \(size)") }
      return bytes
    }

    /// The bytes that filters can make of `stored` bytes at most; `nil` where nothing bounds them.
    private static func most(_ stored: Int, _ filters: [Filter]) -> Int? {
      var most: Int? = stored
      for filter in filters {
        switch Known(rawValue: filter.id) {
        case .shuffle, .fletcher32: break
        case .deflate: most = most?.times(HDF5Reader.ratioLimit)
        // A byte that continues a length stands for 255 bytes, three bytes for a copy of 264 bytes.
        case .lz4: most = most?.times(256)
        case .lzf: most = most?.times(88)
        default: return nil
        }
      }
      return most
    }

    /// `size`: bytes of the filter's input; `most`: the limit where that is unknown.
    private func undo(_ filter: Filter, _ bytes: ByteRegion, _ size: Int?, most: Int) throws(Flaw) -> ByteRegion {
      switch Known(rawValue: filter.id) {
      case .deflate:
        do throws(ArchiveFault) {
          if let size { return try bytes.inflated(to: size, wrapping: .zlib, path: "", part: "a chunk") }
          return try bytes.inflated(atMost: most, wrapping: .zlib, path: "", part: "a chunk")
        } catch .malformed(_, _, let reason) {
          throw .damage("a chunk: \(reason)")
        } catch .unpacksToMore {
          throw .damage("a chunk unpacks to more than its size")
        } catch {
          throw .damage("a chunk: \(error)")
        }
      case .shuffle: return try Shuffle.undo(bytes, elementSize: Int(filter.parameters.first ?? 0))
      case .fletcher32: return try Fletcher32.checked(bytes)
      // Its parameters have the size of a whole chunk, also behind a filter that makes it smaller.
      case .lzf: return try LZF.decompressed(bytes, size: size, most: most)
      case .lz4: return try LZ4.decompressed(bytes, size: size, most: most)
      case .blosc:
        return try Blosc.decompressed(bytes, size: size, most: most) { () throws(Flaw) in try inner("Blosc") }
      case .bitshuffle:
        return try Bitshuffle.decompressed(bytes, filter.parameters, size: size, most: most) { () throws(Flaw) in
          try inner("bitshuffle")
        }
      case .nbit: return try NBit.decompressed(bytes, filter.parameters, most: most)
      case .scaleOffset: return try ScaleOffset.decompressed(bytes, filter.parameters, most: most)
      case .zstandard:
        guard let content = zstandard?.decompressed(bytes, size: size, limit: most) else {
          throw .damage("a chunk's Zstandard frame is damaged or has another size than the chunk")
        }
        return content
      case .szip: return try szipDecompressed(bytes, filter.parameters, size, most: most)
      case .blosc2:
        // The filter's parameters hold the size of what was compressed last: a chunk's, as all are of the same size.
        guard let size = size ?? filter.parameters.dropFirst(3).first.map(Int.init), size <= most,
          let content = blosc2?.decompressed(bytes, size: size)
        else { throw .damage("a chunk's Blosc2 frame is damaged or has another size than the chunk") }
        return content
      case nil: throw .unsupported("compression by \(filter.title)")
      }
    }

    /// The unpacked size precedes the compressed bytes (little-endian, 4 bytes).
    private func szipDecompressed(
      _ bytes: ByteRegion, _ parameters: [UInt32], _ size: Int?, most: Int
    ) throws(Flaw) -> ByteRegion {
      guard parameters.count >= 4, let head = bytes.part(from: 0, count: 4)?.array(),
        let packed = bytes.part(from: 4, count: bytes.count - 4)
      else { throw .damage("the szip filter lacks parameters or its head") }
      let total = head.reversed().reduce(0) { $0 << 8 | Int($1) }
      guard total <= most, size ?? total == total else { throw .damage("a chunk unpacks to more than its size") }
      let settings = Szip.Parameters(
        options: parameters[0], bitsPerPixel: parameters[2], pixelsPerBlock: parameters[1],
        pixelsPerScanline: parameters[3])
      guard let content = szip?.decompressed(packed, size: total, settings) else {
        throw .damage("a chunk's bytes compressed by szip are damaged")
      }
      return content
    }
  }
}
