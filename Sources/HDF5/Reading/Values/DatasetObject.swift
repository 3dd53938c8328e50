import AviaryArchives
import Synchronization

/// A dataset's object header, parsed: datatype, extents, and where the bytes are stored.
final class DatasetObject: Sendable {
  /// The address of the object header.
  let address: UInt64
  let datatype: Datatype
  let type: HDF5ElementType
  let dataspace: Dataspace
  let layout: DataLayout
  let pipeline: FilterPipeline
  /// The bytes of an element that was never written; `nil` where they are zero.
  let fillValue: [UInt8]?
  /// Bytes of all elements in the datatype of the file, before filters.
  let storedCount: Int
  /// Bytes of all elements as numbers in memory.
  let byteCount: Int?
  /// The chunks that were written, by number, once the index was read.
  let chunks = Mutex<[StoredChunk]?>(nil)

  init(
    at address: UInt64, _ header: ObjectHeader, _ type: HeaderMessage, _ space: HeaderMessage, _ blocks: BlockReader
  ) throws(Flaw) {
    self.address = address
    guard header.first(.externalFiles) == nil else { throw .elsewhere("is a dataset stored in other files") }
    datatype = try DatatypeMessage.datatype(of: type, blocks)
    dataspace = try Dataspace(try SharedMessage.body(of: space, blocks))
    guard let message = header.first(.dataLayout) else { throw .damage("a dataset has no data layout") }
    layout = try DataLayout(message.body, blocks)
    pipeline =
      try header.first(.filterPipeline).map { (message) throws(Flaw) in
        try FilterPipeline(try SharedMessage.body(of: message, blocks))
      } ?? FilterPipeline()
    fillValue = try FillValue.bytes(header, size: datatype.size, blocks)
    self.type = datatype.elementType
    guard let stored = dataspace.count.times(datatype.size),
      let read = dataspace.count.times(self.type.size ?? 1)
    else { throw .tooLarge(bytes: .max, limit: HDF5Reader.sizeLimit) }
    storedCount = stored
    byteCount = self.type.size == nil ? nil : read
    try check(blocks)
  }

  private func check(_ blocks: BlockReader) throws(Flaw) {
    switch layout {
    case .compact(_, let size):
      guard size >= storedCount else { throw .damage("a dataset of \(storedCount) bytes has room for \(size)") }
    case .contiguous(let address, let size):
      guard size ?? storedCount >= storedCount else {
        throw .damage("a dataset of \(storedCount) bytes has room for \(size ?? 0)")
      }
      guard let address, storedCount > 0 else { break }
      let available = blocks.available(at: address)
      guard storedCount <= available else { throw .truncated(needed: storedCount, available: available) }
    case .virtual(let mappings):
      guard blocks.image.followsFiles else {
        throw .followable("is a virtual dataset, made of parts of other files")
      }
      guard datatype.isSelfContained else { throw .unsupported("a virtual dataset of \(datatype)") }
      // As the parts do not overlap, reading them all costs no more than the dataset's own size.
      var left = dataspace.count
      for mapping in mappings {
        left -= try mapping.target.count(in: dataspace.extents)
        guard left >= 0 else { throw .unsupported("a virtual dataset whose parts overlap") }
      }
    case .chunked(let chunks):
      guard chunks.elementSize == datatype.size else {
        throw .damage("chunks have elements of \(chunks.elementSize) bytes, the dataset of \(datatype.size)")
      }
      _ = try ChunkGrid(dataspace, chunks)
    }
  }

  /// The offset in the file of contiguous bytes; `nil` for chunks, for what is virtual and for what was never written.
  func position(_ image: FileImage) -> Int? {
    switch layout {
    case .compact(let position, _): position
    case .contiguous(let address, _): address.flatMap { image.position(of: $0) }
    case .chunked, .virtual: nil
    }
  }

  /// Whether `HDF5Reader.bytes(of:)` returns the bytes as they are stored.
  var isPlain: Bool {
    switch datatype {
    case .fixedPoint(let number):
      number.isFull && number.size == type.size && (number.order == .little || number.size == 1)
    case .floatingPoint(let number): (number.isIEEE || number.isBFloat16) && number.order == .little
    case .enumeration: type == .boolean
    case .opaque: true
    default: false
    }
  }
}
