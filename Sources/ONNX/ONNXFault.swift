#if ONNX
  import AviaryArchives

  /// Why a network does not become an ONNX file.
  public enum ONNXFault: Error, Equatable, CustomStringConvertible {
    /// An operation that the export does not know, or not with these attributes.
    case operation(name: String, path: String, reason: String)
    /// A layer reads the elements of a tensor and computes by itself, which a graph does not show.
    case reads(path: String)
    /// A number depends on the sizes of the input in a way that cannot be written down.
    case varies(path: String, reason: String)
    /// The operations themselves depend on the sizes of the input.
    case structure(path: String, reason: String)
    /// The network is of a kind that is not exported, or is asked for what does not go with it.
    case unsupported(reason: String)
    /// Finite numbers would become infinite in float16.
    case overflow(tensor: String, count: Int)
    /// The file cannot be written.
    case archive(ArchiveFault)

    /// One line: the layer, what cannot be exported, and why.
    public var description: String {
      switch self {
      case .operation(let name, let path, let reason):
        "\(Self.place(path))\(name) cannot be exported to ONNX: \(reason)"
      case .reads(let path):
        "\(Self.place(path))cannot be exported to ONNX: it computes with elements that it reads, outside of the graph"
      case .varies(let path, let reason), .structure(let path, let reason):
        "\(Self.place(path))cannot be exported to ONNX: \(reason)"
      case .unsupported(let reason): reason
      case .overflow(let tensor, let count):
        "'\(tensor)': float16 cannot hold \(count) of its numbers; leave out --dtype f16"
      case .archive(let fault): "\(fault)"
      }
    }

    private static func place(_ path: String) -> String { path.isEmpty ? "" : "layer '\(path)': " }
  }
#endif
