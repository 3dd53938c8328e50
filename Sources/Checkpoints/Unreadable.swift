extension Checkpoint {
  /// An object of a file that may be an array and was not read: stored in another file, compressed by a filter that is not
  /// there, or larger than its file justifies.
  public struct Unreadable: Sendable, Equatable, CustomStringConvertible {
    /// The file's own name for it.
    public let path: String
    /// Why it cannot be read.
    public let reason: String

    /// An object that cannot be read.
    public init(path: String, reason: String) {
      self.path = path
      self.reason = reason
    }

    public var description: String { "\(path): \(reason)" }
  }
}
