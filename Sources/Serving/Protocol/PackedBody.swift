import AviaryArchives

/// How the bytes of a body were made fewer for their way, as `Content-Encoding` says.
struct PackedBody: Sendable {
  private let name: String
  private let wrapping: ByteRegion.DeflateWrapping

  /// nil where the body is as it is.
  init?(_ head: RequestHead) throws(ServingFault) {
    name = trimmed(head.headers["content-encoding"] ?? "").lowercased()
    switch name {
    case "", "identity": return nil
    case "gzip", "x-gzip": wrapping = .gzip
    case "deflate": wrapping = .zlib
    default:
      throw .unsupportedBody(
        "bodies are taken in Content-Encoding gzip and deflate, not \(name.prefix(40)); send them as they are")
    }
  }

  /// - Parameter limit: the most bytes that are made.
  func unpacked(_ body: [UInt8], limit: Int) throws(ServingFault) -> [UInt8] {
    // Nothing is nothing, also where a client says that it was packed.
    if body.isEmpty { return [] }
    do throws(ArchiveFault) {
      return try ByteRegion(body).inflated(atMost: limit, wrapping: wrapping, path: "the body", part: name).array()
    } catch {
      switch error {
      case .unpacksToMore: throw .bodyTooLarge(limit: limit)
      case .malformed(_, _, let reason): throw .malformed("the body is not \(name): \(reason)")
      default: throw .failed("\(error)")
      }
    }
  }
}
