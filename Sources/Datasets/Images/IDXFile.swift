import AviaryArchives

/// A file in the IDX format (LeCun, "The MNIST database"): a magic number of two zeros, the type and the number of axes,
/// the sizes as big-endian integers of 32 bits, and the elements. Of its types bytes are read, which pictures are made of.
struct IDXFile {
  let path: String
  let shape: [Int]
  let bytes: ByteRegion
  /// Where the elements begin.
  let start: Int

  init(_ path: String) throws(ImageFolderFault) {
    self.path = path
    let bytes = try Self.content(path)
    self.bytes = bytes
    guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0 else {
      throw .malformed(path: path, reason: "it does not begin as an IDX file does")
    }
    guard bytes[2] == 0x08 else {
      throw .malformed(path: path, reason: "its elements are of type \(bytes[2]); pictures have bytes, type 8")
    }
    let rank = Int(bytes[3])
    start = 4 + 4 * rank
    guard bytes.count >= start else { throw .malformed(path: path, reason: "it ends within its header") }
    var shape: [Int] = []
    var count = 1
    for axis in 0..<rank {
      let size = (0..<4).reduce(0) { $0 << 8 | Int(bytes[4 + 4 * axis + $1]) }
      shape.append(size)
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow else { throw .malformed(path: path, reason: "its shape \(shape) is impossible") }
      count = product
    }
    guard bytes.count - start == count else {
      throw .malformed(
        path: path, reason: "its shape \(shape) asks for \(count) elements, and it has \(bytes.count - start)")
    }
    self.shape = shape
  }

  /// Pictures and their classes from two files.
  static func labeled(images: String, labels: String) throws(ImageFolderFault) -> PackedDataset.LabeledFile {
    let pictures = try IDXFile(images)
    let numbers = try IDXFile(labels)
    guard pictures.holdsPictures, numbers.shape.count == 1, pictures.shape[0] == numbers.shape[0] else {
      throw .malformed(
        path: images, reason: "pictures of shape \(pictures.shape) do not go with labels of shape \(numbers.shape)")
    }
    return .init(images: try pictures.pictures(), labels: Array(numbers.bytes.array()[numbers.start...]))
  }

  private var holdsPictures: Bool {
    shape.count == 3 && shape[1...].allSatisfy { (1...ImageSize.maximumSide).contains($0) }
  }

  /// The pictures of a file of shape [count, height, width].
  func pictures() throws(ImageFolderFault) -> PackedImages {
    guard holdsPictures else { throw .malformed(path: path, reason: "its shape \(shape) is not that of pictures") }
    let size = ImageSize(height: shape[1], width: shape[2])
    return PackedImages(
      path: path, bytes: bytes, size: size, channels: 1, count: shape[0], start: start,
      stride: size.height * size.width)
  }

  /// A file's bytes, inflated where they are compressed by gzip.
  static func content(_ path: String) throws(ImageFolderFault) -> ByteRegion {
    do {
      let file = try MappedFile(path: path, map: false).bytes
      guard file.count >= 18, file[0] == 0x1f, file[1] == 0x8b else { return file }
      // The last four bytes tell the size. Deflate makes at most 1,032 bytes of one.
      let size = (0..<4).reduce(0) { $0 | Int(file[file.count - 4 + $1]) << (8 * $1) }
      guard size <= 1032 * file.count else {
        throw ImageFolderFault.malformed(path: path, reason: "it claims to unpack to \(size) bytes")
      }
      return try file.inflated(to: size, wrapping: .gzip, path: path, part: "the file")
    } catch let fault as ArchiveFault {
      throw .archive(fault)
    } catch let fault as ImageFolderFault {
      throw fault
    } catch {
      throw .malformed(path: path, reason: "\(error)")
    }
  }
}
