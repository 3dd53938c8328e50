import AviaryArchives

/// Files that are often taken for checkpoints, each told by its first bytes.
enum ForeignFile {
  case gitLFSPointer, webPage, errorPage, gzip, bzip2, xz, zstandard, onnx, savedModel, matlab, gguf, tfLite

  init?(_ bytes: ByteRegion) {
    let head = bytes.part(0..<min(bytes.count, 4096))?.array() ?? []
    func begins(_ text: String) -> Bool { head.starts(with: text.utf8) }
    let text = String(
      decoding: head.drop { [0xef, 0xbb, 0xbf, 9, 10, 13, 32].contains($0) }.prefix(256), as: UTF8.self
    )
    .lowercased()
    if begins("version https://git-lfs.github.com/spec/") {
      self = .gitLFSPointer
    } else if ["<!doctype html", "<html", "<head", "<body"].contains(where: text.hasPrefix) {
      self = .webPage
    } else if text.hasPrefix("<?xml") {
      self = .errorPage
    } else if head.starts(with: [0x1f, 0x8b]) {
      self = .gzip
    } else if begins("BZh") {
      self = .bzip2
    } else if head.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]) {
      self = .xz
    } else if head.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) {
      self = .zstandard
    } else if begins("MATLAB 5.0 MAT-file") {
      self = .matlab
    } else if begins("GGUF") {
      self = .gguf
    } else if head.count >= 8, Array(head[4..<8]) == Array("TFL3".utf8) {
      self = .tfLite
    } else if Self.isSavedModel(head) {
      self = .savedModel
    } else if Self.isONNX(head) {
      self = .onnx
    } else {
      return nil
    }
  }

  /// What the file is, and what to do.
  var advice: String {
    switch self {
    case .gitLFSPointer: "a Git LFS pointer, not the file itself; fetch it with 'git lfs pull'"
    case .webPage: "an HTML page, not a checkpoint; download the file itself (its raw link)"
    case .errorPage: "an XML document, not a checkpoint; the download may have failed, so download the file again"
    case .gzip: "compressed with gzip; unpack it with 'gunzip', or 'tar xzf' if it is an archive"
    case .bzip2: "compressed with bzip2; unpack it with 'bunzip2', or 'tar xjf' if it is an archive"
    case .xz: "compressed with xz; unpack it with 'unxz', or 'tar xJf' if it is an archive"
    case .zstandard: "compressed with Zstandard; unpack it with 'unzstd'"
    case .onnx: "an ONNX model, which Aviary does not read; export the weights as safetensors, .pth or .npz"
    case .savedModel:
      "a TensorFlow SavedModel, which Aviary does not read; load it in Keras and save it with model.save('model.keras')"
    case .matlab: "a MATLAB 5 file; save it again in MATLAB with save(…, '-v7.3'), which is HDF5"
    case .gguf: "a GGUF model, which Aviary does not read; use the safetensors file of the same model"
    case .tfLite: "a TensorFlow Lite model, which Aviary does not read; use the Keras model that it was made of"
    }
  }

  /// A protobuf message that begins with an ir_version of one byte and goes on with a producer, a domain, a version, a text
  /// or the graph.
  private static func isONNX(_ head: [UInt8]) -> Bool {
    guard head.count > 4, head[0] == 0x08, (1...20).contains(head[1]) else { return false }
    return [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].contains(head[2])
  }

  /// A protobuf message with a schema version of 1, then a graph, whose information names TensorFlow's tags.
  private static func isSavedModel(_ head: [UInt8]) -> Bool {
    head.count > 16 && head[0] == 0x08 && head[1] == 0x01 && head[2] == 0x12
      && [Array("serve".utf8), Array("train".utf8)].contains { tag in
        (0...(head.count - tag.count)).contains { Array(head[$0..<$0 + tag.count]) == tag }
      }
  }
}
