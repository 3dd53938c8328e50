import AviaryArchives

/// What the writer has to know of a contiguous dataset that libhdf5 laid out.
package enum ContiguousStorage {
  /// The offset in `image`, a file with a superblock of version 0 and without user block, of the field that holds the
  /// address of the dataset's bytes; `nil` unless the dataset at `header` is contiguous, has no address yet, and takes
  /// `size` bytes.
  package static func addressField(ofDatasetAt header: UInt64, size: Int, in image: ByteRegion) -> Int? {
    let blocks = BlockReader(FileImage(bytes: image, baseAddress: 0, sizeOfOffsets: 8, sizeOfLengths: 8))
    do throws(Flaw) {
      guard var layout = try ObjectHeader(at: header, blocks).first(.dataLayout)?.body else { return nil }
      guard try layout.byte() == 3, try layout.byte() == 1 else { return nil }
      let place = layout.position + layout.offset
      guard try layout.address() == nil, try layout.length() == size else { return nil }
      return place
    } catch {
      return nil
    }
  }
}
